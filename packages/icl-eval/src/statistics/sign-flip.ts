import type { Random } from '@lever/reward-utils'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import type { Clusters } from './clusters.ts'
import { assertClustered } from './clusters.ts'

/** Differences, their clusters, and how often signs are flipped. */
export interface SignFlipOptions {
  /** Columns of n paired differences each; NaN marks a question that one of the two sides lacks. */
  readonly columns: readonly ArrayLike<number>[]
  /** The cluster of every row, such as its image: rows of one change their sign together. */
  readonly clusters: Clusters
  /** Draws the flips, where there are too many to enumerate. */
  readonly random: Random
  /** Random flips when there are too many to enumerate. Default 10,000. */
  readonly resamples?: number
}

export const SIGN_FLIP_OPTIONS: OptionNames<SignFlipOptions> = {
  columns: true,
  clusters: true,
  random: true,
  resamples: true,
}

/** With so many clusters or fewer, all sign flips are enumerated. */
export const ENUMERATED_CLUSTERS = 13
/** Totals that differ by less than this share of sum |d| are equal but for rounding. */
const TOLERANCE = 1e-10

/**
 * Two-sided p of the paired sign-flip permutation test for each column, clustered: under the null hypothesis the
 * sum of differences of a cluster (an image) may as well have had the other sign. p is the share of flips whose
 * |total| is at least the observed one, within rounding (1e-10 of the sum of |d|): without any difference p is 1.
 *
 * With at most 13 clusters all 2^C flips are enumerated and p is exact; otherwise `resamples` random flips, shared by
 * all columns, and p = (1 + hits) / (1 + resamples) (Phipson and Smyth 2010), so that p is never 0.
 */
export function signFlipP(options: SignFlipOptions): Float64Array {
  refuseUnknownOptions(options, SIGN_FLIP_OPTIONS, 'icl-eval: signFlipP')
  const { columns, clusters, random, resamples = 10_000 } = options
  for (const column of columns) assertClustered(column, clusters, 'signFlipP')
  const width = columns.length
  const table = differenceTable(columns, clusters)
  const observed = totals(table, width)
  const sizes = columns.map((column) => sumOfSizes(column))
  const limit = observed.map((total, s) => Math.abs(total) - TOLERANCE * sizes[s]!)
  const exact = clusters.count <= ENUMERATED_CLUSTERS
  const rounds = exact ? 2 ** clusters.count : resamples
  const hits = new Float64Array(width)
  const kept = new Float64Array(width)
  for (let round = 0; round < rounds; round++) {
    kept.fill(0)
    if (exact) addKept(kept, table, round, 0, clusters.count, width)
    else {
      for (let start = 0; start < clusters.count; start += 32) {
        addKept(kept, table, random.int(2 ** 32), start, Math.min(32, clusters.count - start), width)
      }
    }
    for (let s = 0; s < width; s++) {
      if (Math.abs(2 * kept[s]! - observed[s]!) >= limit[s]!) hits[s]! += 1
    }
  }
  return hits.map((count) => (exact ? count / rounds : (count + 1) / (rounds + 1)))
}

function differenceTable(columns: readonly ArrayLike<number>[], { index, count }: Clusters): Float64Array {
  const width = columns.length
  const table = new Float64Array(count * width)
  columns.forEach((column, s) => {
    for (let i = 0; i < column.length; i++) {
      const value = column[i]!
      if (!Number.isNaN(value)) table[index[i]! * width + s]! += value
    }
  })
  return table
}

function totals(table: Float64Array, width: number): Float64Array {
  const total = new Float64Array(width)
  for (let start = 0; start < table.length; start += width) {
    for (let s = 0; s < width; s++) total[s]! += table[start + s]!
  }
  return total
}

/** Sum of |d|; missing differences count nothing. */
function sumOfSizes(column: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < column.length; i++) sum += Number.isNaN(column[i]!) ? 0 : Math.abs(column[i]!)
  return sum
}

/** Adds the rows `start`..`start + count` whose bit in `word` is set; flipping the rest gives 2 kept - total. */
function addKept(
  kept: Float64Array,
  table: Float64Array,
  word: number,
  start: number,
  count: number,
  width: number,
): void {
  for (let bit = 0; bit < count; bit++) {
    if (((word >>> bit) & 1) === 0) continue
    const row = (start + bit) * width
    for (let s = 0; s < width; s++) kept[s]! += table[row + s]!
  }
}
