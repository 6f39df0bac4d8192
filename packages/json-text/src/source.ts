import type { Place } from './errors.ts'

/** Bytes that can be read in pieces: a buffer in memory, or an open file. */
export interface ByteSource {
  readonly size: number
  /** The bytes from `start` to `end`. They may be put into `scratch`, when it is large enough. */
  read(start: number, end: number, scratch?: Uint8Array): Uint8Array
}

/** How much of a source is looked at at once. */
export const CHUNK_BYTES: number = 1 << 20

/** Bytes in memory as a source. */
export function bytesInMemory(bytes: Uint8Array): ByteSource {
  return { size: bytes.length, read: (start, end) => bytes.subarray(start, end) }
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
