import { open } from 'node:fs/promises'
import { fileError } from './errors.ts'

/** Bytes that can be read from any place: an open file, or memory. */
export interface Source {
  /** For messages: the path. */
  readonly name: string
  readonly size: number
  /** The file descriptor, where it is a file. */
  readonly fd: number | undefined
  /**
   * Bytes in a buffer of their own.
   * @throws InputError if the range is not inside
   */
  read(offset: number, length: number): Promise<Uint8Array>
  close(): Promise<void>
}

const MAX_READ = 1 << 30

/** @throws InputError if the file is missing or cannot be read */
export async function openSource(path: string): Promise<Source> {
  const handle = await open(path, 'r').catch((error: unknown) => {
    throw fileError(
      path,
      `it cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'}); check the path`,
      error,
    )
  })
  const found = await handle.stat()
  if (!found.isFile()) {
    await handle.close()
    throw fileError(path, 'it is not a regular file; check the path')
  }
  const { size } = found
  return {
    name: path,
    size,
    fd: handle.fd,
    close: () => handle.close(),
    async read(offset, length) {
      checkRange(path, size, offset, length)
      const bytes = new Uint8Array(length)
      for (let done = 0; done < length;) {
        const { bytesRead } = await handle.read(bytes, done, Math.min(MAX_READ, length - done), offset + done)
        if (bytesRead === 0) throw fileError(path, 'it became shorter while it was read; read it again')
        done += bytesRead
      }
      return bytes
    },
  }
}

/** A source of bytes in memory; what is read is a copy. */
export function memorySource(bytes: Uint8Array, name: string): Source {
  return {
    name,
    size: bytes.length,
    fd: undefined,
    close: () => Promise.resolve(),
    read(offset, length) {
      checkRange(name, bytes.length, offset, length)
      const copy = new Uint8Array(length)
      copy.set(bytes.subarray(offset, offset + length))
      return Promise.resolve(copy)
    },
  }
}

function checkRange(name: string, size: number, offset: number, length: number): void {
  const whole = Number.isSafeInteger(offset) && Number.isSafeInteger(length)
  if (whole && offset >= 0 && length >= 0 && offset + length <= size) return
  throw fileError(
    name,
    `it has ${size} bytes, but ${length} bytes at ${offset} are asked for; it is cut off or damaged`,
  )
}
