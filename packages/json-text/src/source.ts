import { closeSync, fstatSync, openSync, readSync, type Stats } from 'node:fs'
import { open } from 'node:fs/promises'
import { InputError } from '@lever/durable-files'
import { fileFault } from './file-fault.ts'
import type { Place } from './errors.ts'

/** Bytes that can be read in pieces: a buffer in memory, or an open file. */
export interface ByteSource {
  readonly size: number
  /** The bytes from `start` to `end`. They may be put into `scratch`, when it is large enough. */
  read(start: number, end: number, scratch?: Uint8Array): Uint8Array
}

/** How much of a source is looked at at once. */
export const CHUNK_BYTES: number = 1 << 20

export function bytesInMemory(bytes: Uint8Array): ByteSource {
  return { size: bytes.length, read: (start, end) => bytes.subarray(start, end) }
}

/** An open file as a source. */
export interface FileSource extends ByteSource {
  close(): void
}

/**
 * Opens a file to be read in pieces. `name` stands for it in messages.
 *
 * @throws InputError if it cannot be read or is not a regular file
 */
export function openFileSource(path: string, name: string = path): FileSource {
  const fd = attempt(name, () => openSync(path, 'r'))
  try {
    return { ...descriptorSource(fd, name), close: () => closeSync(fd) }
  } catch (error) {
    closeSync(fd)
    throw error
  }
}

/**
 * A whole file, in one piece. `name` stands for it in messages.
 *
 * @throws InputError if it cannot be read, is not a regular file, or is too large for one piece
 */
export async function readWholeFile(path: string, name: string = path): Promise<Uint8Array> {
  try {
    const handle = await open(path)
    try {
      const stat = await handle.stat()
      if (!stat.isFile()) throw notAFile(stat, name)
      const bytes = Buffer.allocUnsafe(stat.size)
      let filled = 0
      for (let bytesRead = -1; filled < stat.size && bytesRead !== 0; filled += bytesRead) {
        ;({ bytesRead } = await handle.read(bytes, filled, stat.size - filled, filled))
      }
      return bytes.subarray(0, filled)
    } finally {
      await handle.close()
    }
  } catch (error) {
    throw fileFault(name, error)
  }
}

/** The error for what is there and not a regular file. */
export function notAFile(stat: Stats, name: string): InputError {
  return fileFault(name, { code: stat.isDirectory() ? 'EISDIR' : 'ENOTREG' })
}

/**
 * An open file descriptor as a source. `name` stands for it in messages.
 *
 * @throws InputError if it is not a regular file
 */
export function descriptorSource(fd: number, name: string): ByteSource {
  const stat = attempt(name, () => fstatSync(fd))
  if (!stat.isFile()) throw notAFile(stat, name)
  return {
    size: stat.size,
    read: (start, end, scratch) => {
      const size = end - start
      const bytes = scratch && scratch.length >= size ? scratch.subarray(0, size) : Buffer.allocUnsafe(size)
      let filled = 0
      while (filled < size) {
        const count = attempt(name, () => readSync(fd, bytes, filled, size - filled, start + filled))
        if (count === 0) throw becameShorter(name)
        filled += count
      }
      return bytes
    },
  }
}

function becameShorter(name: string): InputError {
  const detail = 'the file became shorter while it was read'
  return new InputError(`json-text: ${name}: ${detail}`, { detail })
}

function attempt<T>(name: string, action: () => T): T {
  try {
    return action()
  } catch (error) {
    throw fileFault(name, error)
  }
}

/** Finds places of a source. It is searched for its lines when the first is asked for. */
export function placeFinder(source: ByteSource): (offset: number) => Place {
  let starts: number[] | undefined
  return (offset) => {
    starts ??= [...lineStarts(source, source.size)]
    let [low, high] = [0, starts.length]
    while (high - low > 1) {
      const middle = (low + high) >> 1
      if (starts[middle]! <= offset) low = middle
      else high = middle
    }
    return { line: low + 1, column: offset - starts[low]! + 1, byte: offset }
  }
}

/** One place of a source, which is read up to there. */
export function placeOf(source: ByteSource, offset: number): Place {
  let [line, start] = [0, 0]
  for (const next of lineStarts(source, offset)) [line, start] = [line + 1, next]
  return { line, column: offset - start + 1, byte: offset }
}

function* lineStarts(source: ByteSource, to: number): Generator<number> {
  yield 0
  const scratch = new Uint8Array(Math.min(CHUNK_BYTES, to))
  for (let at = 0; at < to; at += CHUNK_BYTES) {
    const chunk = source.read(at, Math.min(to, at + CHUNK_BYTES), scratch)
    for (let i = chunk.indexOf(10); i >= 0; i = chunk.indexOf(10, i + 1)) yield at + i + 1
  }
}
