import { createHash } from 'node:crypto'
import { open, readFile } from 'node:fs/promises'
import type { ImageFacts } from './facts.ts'

/** Files that are read at a time. */
const AT_ONCE = 8
/** Read from the middle of a file before all of it is: headers are alike, the pictures behind them are not. */
const MIDDLE_BYTES = 1024

/**
 * A key for every file, equal for files of equal bytes: the SHA-256 of the bytes where another file has as many of them
 * and the same ones in the middle, else the path. Such a file has no twin, so it is not read whole; empty files are no
 * pictures.
 */
export async function contentsOf(
  paths: ReadonlySet<string>,
  facts: ImageFacts,
): Promise<ReadonlyMap<string, string>> {
  const contents = new Map(Array.from(paths, (path) => [path, path]))
  const sizes = new Map<string, string>()
  for (const path of paths) {
    const size = facts.sizeOf(path) ?? 0
    if (size > 0) sizes.set(path, String(size))
  }
  const middles = await valuesOf(sharing(sizes), (path) =>
    facts.fact(path, 'middle', () => middleOf(path, Number(sizes.get(path)))),
  )
  const hashes = await valuesOf(sharing(middles), (path) =>
    facts.fact(path, 'sha256', async () => {
      const bytes = await readFile(path).catch(() => undefined)
      return bytes && sha256(bytes)
    }),
  )
  for (const [path, hash] of hashes) contents.set(path, hash)
  return contents
}

/** The size and a hash of the bytes in the middle. */
async function middleOf(path: string, size: number): Promise<string | undefined> {
  const file = await open(path).catch(() => undefined)
  if (file === undefined) return undefined
  try {
    const start = Math.max(0, Math.floor((size - MIDDLE_BYTES) / 2))
    const { buffer, bytesRead } = await file.read(Buffer.alloc(MIDDLE_BYTES), 0, MIDDLE_BYTES, start)
    return `${size} ${sha256(buffer.subarray(0, bytesRead)).slice(0, 16)}`
  } catch {
    return undefined
  } finally {
    await file.close()
  }
}

/** The paths whose value another path has too. */
function sharing(values: ReadonlyMap<string, string>): string[] {
  const counts = new Map<string, number>()
  for (const value of values.values()) counts.set(value, (counts.get(value) ?? 0) + 1)
  return [...values].filter(([, value]) => counts.get(value)! > 1).map(([path]) => path)
}

/** Of the paths that have one. */
async function valuesOf(
  paths: readonly string[],
  find: (path: string) => Promise<string | undefined>,
): Promise<Map<string, string>> {
  const values = new Map<string, string>()
  await forEach(paths, AT_ONCE, async (path) => {
    const value = await find(path)
    if (value !== undefined) values.set(path, value)
  })
  return values
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** Works on all items, `atOnce` of them at a time. */
export async function forEach<T>(
  items: readonly T[],
  atOnce: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < items.length) await work(items[next++]!)
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker))
}
