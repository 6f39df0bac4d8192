import { InputError, isInputError } from '@lever/durable-files'
import { open } from 'node:fs/promises'
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { bytesInMemory, type ByteSource } from './bytes.ts'
import { problemIn } from './problems.ts'
import { loadAll, openRlSource, type LoadedRlData, type ReadOptions, type RlSource } from './source.ts'

/** An open file of RL data. Close it. */
export interface RlFile extends RlSource {
  close(): void
}

/**
 * Opens a file of RL data to read its queries one at a time, in the order of their ids: JSON of any shape, JSON packed with
 * gzip, or a journal. Memory holds the index and one query; a packed file is unpacked in memory.
 *
 * @throws InputError when the file cannot be read or is no RL data.
 */
export function openRlFile(path: string, options: ReadOptions = {}): RlFile {
  const file = options.file ?? path
  const fd = attempt(file, () => openSync(path, 'r'))
  try {
    const source = openRlSource(unpacked(fileSource(fd, file), file), { ...options, file })
    return { ...source, close: () => closeSync(fd) }
  } catch (error) {
    closeSync(fd)
    throw error
  }
}

/**
 * The data of one file: JSON of any shape L1 to L13, JSON packed with gzip, or a journal.
 *
 * @throws InputError for the first error of the file, with file, query id and candidate number.
 */
export async function readRlData(path: string, options: ReadOptions = {}): Promise<LoadedRlData> {
  const file = options.file ?? path
  const bytes = await readWhole(path).catch((error: unknown) => {
    throw readError(file, error)
  })
  return loadAll(openRlSource(unpacked(bytesInMemory(bytes), file), { ...options, file }))
}

/** As `readFile`, which asks the system for half a megabyte at a time, but all at once. */
async function readWhole(path: string): Promise<Uint8Array> {
  const handle = await open(path)
  try {
    const { size } = await handle.stat()
    const bytes = Buffer.allocUnsafe(size)
    let filled = 0
    while (filled < size) {
      const { bytesRead } = await handle.read(bytes, filled, size - filled, filled)
      if (bytesRead === 0) break
      filled += bytesRead
    }
    return bytes.subarray(0, filled)
  } finally {
    await handle.close()
  }
}

function fileSource(fd: number, file: string): ByteSource {
  const stat = attempt(file, () => fstatSync(fd))
  if (stat.isDirectory()) throw readError(file, { code: 'EISDIR' })
  return {
    size: stat.size,
    read: (start, end, scratch) => {
      const size = end - start
      const bytes = scratch && scratch.length >= size ? scratch.subarray(0, size) : Buffer.allocUnsafe(size)
      let filled = 0
      while (filled < bytes.length) {
        const count = attempt(file, () => readSync(fd, bytes, filled, bytes.length - filled, start + filled))
        if (count === 0) throw problemIn(file, 'the file became shorter while it was read')
        filled += count
      }
      return bytes
    },
  }
}

function unpacked(source: ByteSource, file: string): ByteSource {
  const head = source.read(0, Math.min(source.size, 2))
  if (head[0] !== 0x1f || head[1] !== 0x8b) return source
  try {
    return bytesInMemory(gunzipSync(source.read(0, source.size)))
  } catch (error) {
    throw problemIn(file, `damaged gzip data (${(error as Error).message})`)
  }
}

function attempt<T>(file: string, action: () => T): T {
  try {
    return action()
  } catch (error) {
    throw readError(file, error)
  }
}

const REMEDIES = new Map([
  ['ENOENT', 'there is no such file; check the path'],
  ['EISDIR', 'it is a folder; give a file'],
  ['ERR_OUT_OF_RANGE', 'it is too large to be read at once; open it with openRlFile'],
])

function readError(file: string, error: unknown): InputError {
  if (isInputError(error)) return error
  const { code = String(error) } = error as { code?: string }
  const remedy = REMEDIES.get(code) ?? 'check the path and its permissions'
  const detail = `cannot read ${file} (${code}): ${remedy}`
  return new InputError(`rl-dataset: ${detail}`, { cause: error, detail })
}
