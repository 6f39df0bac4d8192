/** Bytes that can be read in pieces: a buffer in memory, or an open file. */
export interface ByteSource {
  readonly size: number
  /** The bytes from `start` to `end`. They may be put into `scratch`, when it is large enough. */
  read(start: number, end: number, scratch?: Uint8Array): Uint8Array
}

/** How much of a source is looked at at once. */
export const CHUNK: number = 1 << 20

export function bytesInMemory(bytes: Uint8Array): ByteSource {
  return { size: bytes.length, read: (start, end) => bytes.subarray(start, end) }
}

/** Line and column, from 1. A tab is one column; a column counts bytes. */
export interface Place {
  readonly line: number
  readonly column: number
}

/** Finds the line and column of bytes of a source. The source is searched for its lines when first asked. */
export function placeFinder(source: ByteSource): (offset: number) => Place {
  let starts: number[] | undefined
  return (offset) => {
    starts ??= lineStarts(source)
    let [low, high] = [0, starts.length]
    while (high - low > 1) {
      const middle = (low + high) >> 1
      if (starts[middle]! <= offset) low = middle
      else high = middle
    }
    return { line: low + 1, column: offset - starts[low]! + 1 }
  }
}

function lineStarts(source: ByteSource): number[] {
  const starts = [0]
  const scratch = new Uint8Array(CHUNK)
  for (let at = 0; at < source.size; at += CHUNK) {
    const chunk = source.read(at, Math.min(source.size, at + CHUNK), scratch)
    for (let i = chunk.indexOf(10); i >= 0; i = chunk.indexOf(10, i + 1)) starts.push(at + i + 1)
  }
  return starts
}

/** A line of a source, without its newline. `bytes` are valid until the next line is asked for. */
export interface Line {
  readonly start: number
  readonly end: number
  readonly bytes: Uint8Array
}

/** The lines of a source between two offsets, in memory of the longest line. Nothing follows the last newline. */
export function* linesOf(source: ByteSource, from = 0, to: number = source.size): Generator<Line> {
  let start = from
  let window = CHUNK
  const scratch = new Uint8Array(Math.min(CHUNK, Math.max(0, to - from)))
  while (start < to) {
    const chunk = source.read(start, Math.min(to, start + window), scratch)
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
