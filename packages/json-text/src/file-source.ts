import { closeSync, fstatSync, openSync, readSync, type Stats } from 'node:fs'
import { open } from 'node:fs/promises'
import { InputError } from '@lever/durable-files/input-error'
import { fileFault } from './file-fault.ts'
import type { ByteSource } from './source.ts'

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
