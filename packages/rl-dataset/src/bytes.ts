/** Bytes that can be read in pieces: a buffer in memory, or an open file. */
export interface ByteSource {
  readonly size: number
  /** The bytes from `start` to `end`. */
  read(start: number, end: number): Uint8Array
}

/** How much of a source is looked at at once. */
export const CHUNK: number = 1 << 20

export function bytesInMemory(bytes: Uint8Array): ByteSource {
  return { size: bytes.length, read: (start, end) => bytes.subarray(start, end) }
}

/** Line and column, from 1, of a byte of a source. A tab is one column; a column counts bytes. */
export function placeOf(source: ByteSource, offset: number): { line: number; column: number } {
  let line = 1
  let lineStart = 0
  for (let at = 0; at < offset; at += CHUNK) {
    const chunk = source.read(at, Math.min(offset, at + CHUNK))
    for (let i = chunk.indexOf(10); i >= 0; i = chunk.indexOf(10, i + 1)) {
      line++
      lineStart = at + i + 1
    }
  }
  return { line, column: offset - lineStart + 1 }
}

/** A line of a source, without its newline. */
export interface Line {
  readonly start: number
  readonly end: number
  readonly bytes: Uint8Array
}

/** The lines of a source between two offsets, in memory of the longest line. Nothing follows the last newline. */
export function* linesOf(source: ByteSource, from = 0, to: number = source.size): Generator<Line> {
  let start = from
  let window = CHUNK
  while (start < to) {
    const chunk = source.read(start, Math.min(to, start + window))
    let done = 0
    for (let i = chunk.indexOf(10); i >= 0; i = chunk.indexOf(10, done)) {
      yield { start: start + done, end: start + i, bytes: chunk.subarray(done, i) }
      done = i + 1
    }
    if (start + chunk.length >= to) {
      if (done < chunk.length) yield { start: start + done, end: to, bytes: chunk.subarray(done) }
      return
    }
    if (done === 0) window *= 2
    else window = CHUNK
    start += done
  }
}
