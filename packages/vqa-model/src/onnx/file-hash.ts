import { mkdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { hashFile, hashOf, writeFileAtomic } from '@lever/durable-files'

/** Smaller files are always read. */
const LARGE_BYTES = 2 ** 26
/** A file that changed less than this before it was read, in milliseconds, may change again and keep its times. */
const SETTLED = 10_000

/**
 * SHA-256, in hex, of a file of a model. That of a large file is kept in `hashes` of the cache folder for as long as the
 * file keeps its device, number, size, and times of change of content and entry, to the nanosecond: whoever writes to a
 * file changes the last, and no call sets it back. An entry that cannot be read is made again; a folder that cannot be
 * written changes nothing.
 *
 * @throws InputError if the file is missing or cannot be read
 */
export async function modelFileHash(
  path: string,
  cacheFolder: string,
  now: () => number = Date.now,
): Promise<string> {
  const start = now()
  const before = await stateOf(path)
  if (before === undefined || before.bytes < LARGE_BYTES) return hashFile(path)
  const folder = join(cacheFolder, 'hashes')
  const entry = join(folder, `${before.key}.txt`)
  const known = await readFile(entry, 'utf8').catch(() => '')
  if (/^[0-9a-f]{64}\n$/.test(known)) return known.trim()
  const hash = await hashFile(path)
  const after = await stateOf(path)
  if (after?.key === before.key && before.changed < start - SETTLED) {
    await mkdir(folder, { recursive: true })
      .then(() => writeFileAtomic(entry, `${hash}\n`))
      .catch(() => undefined)
  }
  return hash
}

interface FileState {
  key: string
  bytes: number
  /** of content or entry, whichever is later, milliseconds since 1970 */
  changed: number
}

/** undefined for a file that is not there */
async function stateOf(path: string): Promise<FileState | undefined> {
  const found = await stat(path, { bigint: true }).catch(() => undefined)
  if (found === undefined) return undefined
  const { dev, ino, size, mtimeNs, ctimeNs } = found
  return {
    key: hashOf({ version: 1, facts: [dev, ino, size, mtimeNs, ctimeNs].map(String) }),
    bytes: Number(size),
    changed: Number((mtimeNs > ctimeNs ? mtimeNs : ctimeNs) / 1_000_000n),
  }
}
