import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'

/** What is searched, for which queries, and with what excluded. Rows have length 1, so that the product is the cosine. */
export interface TopSimilarOptions {
  /** Row-major [M, D]. */
  queries: Float32Array
  /** Row-major [C, D]. */
  candidates: Float32Array
  /** D */
  dim: number
  /** Rows of `queries` to search for; default all. */
  queryRows?: ArrayLike<number>
  /** Rows wanted for every query; fewer are found where fewer are allowed. */
  k: number
  /** True for a candidate row that may not be returned for the i-th of `queryRows`. */
  excluded?: (i: number, candidateRow: number) => boolean
  /** Candidate rows per block; the result does not depend on it. */
  block?: number
}

export const TOP_SIMILAR_OPTIONS: OptionNames<TopSimilarOptions> = {
  queries: true,
  candidates: true,
  dim: true,
  queryRows: true,
  k: true,
  excluded: true,
  block: true,
}

/** What was found for one query. */
export interface Neighbours {
  /** Candidate rows, most similar first; equal scores by row. At most k. */
  rows: Int32Array
  scores: Float64Array
}

/**
 * Exact k most similar candidates by inner product. Works in blocks of candidates that stay in
 * the processor's cache while four queries at a time pass over them; sums are in double
 * precision and in one order, so the result depends on nothing but the numbers.
 */
export function topSimilar(options: TopSimilarOptions): Neighbours[] {
  refuseUnknownOptions(options, TOP_SIMILAR_OPTIONS, 'retrieval: topSimilar')
  const {
    queries,
    candidates,
    dim,
    queryRows = Array.from({ length: queries.length / dim }, (_, row) => row),
    k,
    excluded = () => false,
    block = Math.max(16, Math.floor(65_536 / dim)),
  } = options
  const total = candidates.length / dim
  const heaps = Array.from({ length: queryRows.length }, () => emptyBest(Math.min(k, total)))
  const sums = new Float64Array(4)
  for (let start = 0; start < total; start += block) {
    const end = Math.min(total, start + block)
    for (let first = 0; first < queryRows.length; first += 4) {
      const width = Math.min(4, queryRows.length - first)
      if (width === 1) {
        searchOne(
          heaps[first]!,
          { queries, candidates, dim, query: queryRows[first]! * dim, start, end },
          (row) => excluded(first, row),
        )
        continue
      }
      const offsets = [0, 1, 2, 3].map((i) => queryRows[Math.min(first + i, queryRows.length - 1)]! * dim)
      for (let row = start; row < end; row++) {
        fourProducts(sums, queries, offsets, candidates, row * dim, dim)
        for (let i = 0; i < width; i++) {
          const best = heaps[first + i]!
          if (accepts(best, sums[i]!) && !excluded(first + i, row)) insert(best, sums[i]!, row)
        }
      }
    }
  }
  return heaps.map(neighbours)
}

interface Block {
  queries: Float32Array
  /** Where its row begins in `queries`. */
  query: number
  candidates: Float32Array
  dim: number
  /** Rows of `candidates`. */
  start: number
  end: number
}

/** One query over a block, four candidates at a time: the same sums, a quarter of the passes. */
function searchOne(
  best: Best,
  { queries, query, candidates, dim, start, end }: Block,
  excluded: (row: number) => boolean,
): void {
  const sums = new Float64Array(4)
  for (let from = start; from < end; from += 4) {
    const offsets = [0, 1, 2, 3].map((i) => Math.min(from + i, end - 1) * dim)
    fourProducts(sums, candidates, offsets, queries, query, dim)
    for (let i = 0; i < Math.min(4, end - from); i++) {
      if (accepts(best, sums[i]!) && !excluded(from + i)) insert(best, sums[i]!, from + i)
    }
  }
}

export function neighbours({ rows, scores, size }: Best): Neighbours {
  return { rows: rows.slice(0, size), scores: scores.slice(0, size) }
}

/** Inner product of two rows. */
export function innerProduct(
  a: Float32Array,
  aRow: number,
  b: Float32Array,
  bRow: number,
  dim: number,
): number {
  let sum = 0
  for (let d = 0; d < dim; d++) sum += a[aRow * dim + d]! * b[bRow * dim + d]!
  return sum
}

/** The k best so far, most similar first. */
export interface Best {
  rows: Int32Array
  scores: Float64Array
  size: number
}

export function emptyBest(k: number): Best {
  return { rows: new Int32Array(k), scores: new Float64Array(k), size: 0 }
}

function accepts({ scores, size }: Best, score: number): boolean {
  return size < scores.length || (size > 0 && score > scores[size - 1]!)
}

/** Puts a candidate into its place; the last one falls out of a full list. */
export function insert(best: Best, score: number, row: number): void {
  let at = best.size < best.scores.length ? best.size++ : best.size - 1
  for (; at > 0 && best.scores[at - 1]! < score; at--) {
    best.scores[at] = best.scores[at - 1]!
    best.rows[at] = best.rows[at - 1]!
  }
  best.scores[at] = score
  best.rows[at] = row
}

/** Inner products of four rows of `queries`, at these offsets, with one of `candidates`; sums as in `innerProduct`. */
export function fourProducts(
  out: Float64Array,
  queries: Float32Array,
  offsets: readonly number[],
  candidates: Float32Array,
  offset: number,
  dim: number,
): void {
  const [a, b, c, d] = offsets as [number, number, number, number]
  let [s0, s1, s2, s3] = [0, 0, 0, 0]
  for (let i = 0; i < dim; i++) {
    const value = candidates[offset + i]!
    s0 += queries[a + i]! * value
    s1 += queries[b + i]! * value
    s2 += queries[c + i]! * value
    s3 += queries[d + i]! * value
  }
  out[0] = s0
  out[1] = s1
  out[2] = s2
  out[3] = s3
}
