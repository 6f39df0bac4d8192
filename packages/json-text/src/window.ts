import { createCursor, needMore, type Cursor } from './cursor.ts'
import { JsonSyntaxError } from './errors.ts'
import { CHUNK_BYTES, type ByteSource } from './source.ts'

const MAX_VALUE_BYTES = 2 ** 29

/**
 * Drops what is before the cursor and makes room for a chunk.
 *
 * @throws JsonSyntaxError if what is left is longer than any value may be
 */
export function makeRoom(c: Cursor, chunkSize: number): void {
  const rest = c.end - c.pos
  if (rest + chunkSize + 1 > c.bytes.length) {
    if (rest > MAX_VALUE_BYTES) {
      throw new JsonSyntaxError(
        `the row or value that begins here is longer than ${MAX_VALUE_BYTES} bytes`,
        c.base + c.pos,
      )
    }
    const larger = Buffer.alloc(2 * rest + chunkSize + 1)
    c.bytes.copy(larger, 0, c.pos, c.end)
    c.bytes = larger
  } else {
    c.bytes.copyWithin(0, c.pos, c.end)
  }
  c.base += c.pos
  c.pos = 0
  c.end = rest
}

/** Tells the cursor that so many bytes follow those it had; none: the text ends there. */
export function filled(c: Cursor, bytesRead: number): void {
  c.end += bytesRead
  c.bytes[c.end] = 0
  c.last = bytesRead === 0
}

/** A cursor over a source, and how it gets more of it. */
export interface SourceWindow {
  readonly cursor: Cursor
  /** Appends a chunk; false at the end of the source. */
  readonly refill: () => boolean
}

export function openWindow(source: ByteSource, from = 0): SourceWindow {
  const chunkSize = Math.max(1, Math.min(CHUNK_BYTES, source.size - from))
  const cursor = createCursor(chunkSize)
  cursor.base = from
  const scratch = Buffer.alloc(chunkSize)
  const refill = (): boolean => {
    makeRoom(cursor, chunkSize)
    const at = cursor.base + cursor.end
    const chunk = source.read(at, Math.min(source.size, at + chunkSize), scratch)
    cursor.bytes.set(chunk, cursor.end)
    filled(cursor, chunk.length)
    return chunk.length > 0
  }
  return { cursor, refill }
}

/** Reads from the window; repeats with more of the source where the window ends inside what is read. */
export function readThrough<T>({ cursor, refill }: SourceWindow, read: (c: Cursor) => T): T {
  for (;;) {
    const mark = cursor.pos
    try {
      return read(cursor)
    } catch (error) {
      if (error !== needMore) throw error
      cursor.pos = mark
      refill()
    }
  }
}
