import { open, rename, rm } from 'node:fs/promises'

let count = 0

/** Writes a file that is either whole or not there: a new file beside it, fsync unless told otherwise, rename. */
export async function writeAtomic(
  path: string,
  data: string | Uint8Array,
  { sync = true }: { sync?: boolean } = {},
): Promise<void> {
  const temporary = `${path}.${process.pid}-${count++}.tmp`
  const file = await open(temporary, 'wx')
  try {
    await file.writeFile(data)
    if (sync) await file.sync()
    await file.close()
    await rename(temporary, path)
  } catch (error) {
    await file.close().catch(() => undefined)
    await rm(temporary, { force: true })
    throw error
  }
}
