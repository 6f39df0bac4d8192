import { CHUNK_BYTES, type ByteSource } from './source.ts'

/** A line of a source, without its newline. `bytes` are valid until the next line is asked for. */
export interface Line {
  readonly start: number
  readonly end: number
  readonly bytes: Uint8Array
}

/** The lines of a source between two offsets, in memory of the longest line. Nothing follows the last newline. */
export function* linesOf(source: ByteSource, from = 0, to: number = source.size): Generator<Line> {
  let start = from
  let window = CHUNK_BYTES
  const scratch = new Uint8Array(Math.min(CHUNK_BYTES, Math.max(0, to - from)))
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
    else window = CHUNK_BYTES
    start += done
  }
}
