import { insert, type Best } from './top-similar.ts'

/** Neighbouring candidates whose largest score is known. */
export const GROUP = 64

/** The scores of one query with a block of candidates. */
export interface ScoredBlock {
  /** Products in single precision, one per row of the block. */
  readonly scores: Float32Array
  /** The largest of every `GROUP` of them, when they are known. */
  readonly peaks: Float32Array | undefined
  /** How far each is at most from the exact one. */
  readonly error: number
  /** Scratch, one place per row. */
  readonly hits: Int32Array
  /** Candidate of the block's first row. */
  readonly start: number
  readonly allowed: (row: number) => boolean
  /** Exact products of the rows that begin at four offsets. */
  readonly exactly: (out: Float64Array, offsets: readonly number[]) => void
  /** D */
  readonly dim: number
}

/** Puts the rows of a block among the k best that belong there, as if all their products had been exact. */
export function updateBest(best: Best, block: ScoredBlock): void {
  const { scores, peaks, error, hits, allowed } = block
  const k = best.scores.length
  let floor = (best.size < k ? -Infinity : best.scores[k - 1]!) - error
  let count = collect(hits, scores, floor > -Infinity ? peaks : undefined, floor)
  if (count > 2 * k && error < Infinity) {
    floor = Math.max(floor, rankedScore(scores, hits, count, k, allowed) - 2 * error)
    count = keep(hits, scores, count, floor)
  }
  insertExactly(best, block, count)
}

const offsets = [0, 0, 0, 0]
const rows = [0, 0, 0, 0]
const exact = new Float64Array(4)

/** Multiplies the first `count` hits exactly, four at a time, and keeps what belongs among the best. */
function insertExactly(
  best: Best,
  { scores, error, hits, start, allowed, exactly, dim }: ScoredBlock,
  count: number,
): void {
  const last = best.scores.length - 1
  let waiting = 0
  for (let i = 0; i < count; i++) {
    const row = hits[i]!
    const isLow = best.size > last && scores[row]! < best.scores[last]! - error
    if (!isLow && allowed(row)) {
      rows[waiting] = row
      offsets[waiting++] = row * dim
    }
    if (waiting === 0 || (waiting < 4 && i < count - 1)) continue
    exactly(exact, offsets)
    for (let at = 0; at < waiting; at++) {
      if (best.size <= last || exact[at]! > best.scores[last]!) insert(best, exact[at]!, start + rows[at]!)
    }
    waiting = 0
  }
}

/** Rows whose score is not below `floor`, in order, into `hits`. Returns how many. */
function collect(
  hits: Int32Array,
  scores: Float32Array,
  peaks: Float32Array | undefined,
  floor: number,
): number {
  let count = 0
  if (peaks === undefined) {
    for (let row = 0; row < scores.length; row++) if (!(scores[row]! < floor)) hits[count++] = row
    return count
  }
  for (let group = 0; group < peaks.length; group++) {
    if (peaks[group]! < floor) continue
    for (let row = group * GROUP; row < (group + 1) * GROUP; row++) {
      if (!(scores[row]! < floor)) hits[count++] = row
    }
  }
  return count
}

function keep(hits: Int32Array, scores: Float32Array, count: number, floor: number): number {
  let kept = 0
  for (let i = 0; i < count; i++) if (!(scores[hits[i]!]! < floor)) hits[kept++] = hits[i]!
  return kept
}

/** The k-th largest score of the allowed rows among the first `count` hits; -Infinity of fewer. */
function rankedScore(
  scores: Float32Array,
  hits: Int32Array,
  count: number,
  k: number,
  allowed: (row: number) => boolean,
): number {
  const found = new Float32Array(count)
  let size = 0
  for (let i = 0; i < count; i++) if (allowed(hits[i]!)) found[size++] = scores[hits[i]!]!
  return size < k ? -Infinity : found.subarray(0, size).sort()[size - k]!
}

/** Bound of |single - double| for D products, whatever their order; Infinity where a sum may overflow. */
export function errorOf(dim: number, lengths: number): number {
  return lengths < 1e37 ? (dim + 2) * (2 ** -23 * lengths + 2 ** -125) : Infinity
}
