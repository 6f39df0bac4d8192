import type { Random } from '@lever/reward-utils'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import type { Clusters } from './clusters.ts'
import { assertClustered } from './clusters.ts'

/** Columns of values, the clusters of their rows, and how often they are resampled. */
export interface BootstrapOptions {
  /** S columns of n values each, one row per question; NaN marks a missing value. */
  readonly columns: readonly ArrayLike<number>[]
  /** The cluster of every row, such as its image: rows of one are drawn together. */
  readonly clusters: Clusters
  /** Draws the clusters; the same stream gives the same resamples. */
  readonly random: Random
  /** Default 10,000. */
  readonly resamples?: number
}

export const BOOTSTRAP_OPTIONS: OptionNames<BootstrapOptions> = {
  columns: true,
  clusters: true,
  random: true,
  resamples: true,
}

/** Means of columns, and of their resamples. */
export interface Bootstrap {
  /** Mean of each column over its present values, [S]. NaN for a column without values. */
  readonly estimates: Float64Array
  /** For each column the means of the resamples. Entry r of every column comes from the same resample. */
  readonly samples: readonly Float64Array[]
  readonly resamples: number
}

/**
 * The paired bootstrap of column means, clustered: each resample draws C of the C clusters with replacement and
 * takes, for every column, sum over drawn clusters / number of drawn values. All columns see the same draws, so
 * the difference (or any function) of two columns, resample by resample, is a paired bootstrap of that function.
 *
 * Source: Efron and Tibshirani (1993), chapter 6; cluster resampling as in Field and Welsh (2007).
 * Time O(resamples x C x S); memory 8 bytes x resamples x S. Throws RangeError on lengths that differ or no cluster.
 */
export function bootstrapMeans(options: BootstrapOptions): Bootstrap {
  refuseUnknownOptions(options, BOOTSTRAP_OPTIONS, 'icl-eval: bootstrapMeans')
  const { columns, clusters, random, resamples = 10_000 } = options
  for (const column of columns) assertClustered(column, clusters, 'bootstrapMeans')
  if (clusters.count === 0) throw new RangeError('icl-eval: bootstrapMeans needs at least one question')
  if (!Number.isInteger(resamples) || resamples < 1) {
    throw new RangeError(`icl-eval: resamples must be a positive integer, got ${resamples}`)
  }
  const { table, width, divisor } = clusterTable(columns, clusters)
  const samples = columns.map(() => new Float64Array(resamples))
  const draws = new Int32Array(clusters.count)
  const total = new Float64Array(width)
  for (let r = 0; r < resamples; r++) {
    drawClusters(draws, random)
    addRows(total, table, draws, width)
    for (let s = 0; s < columns.length; s++) samples[s]![r] = total[s]! / total[divisor[s]!]!
  }
  for (let i = 0; i < draws.length; i++) draws[i] = i
  addRows(total, table, draws, width)
  const estimates = Float64Array.from(columns, (_, s) => total[s]! / total[divisor[s]!]!)
  return { estimates, samples, resamples }
}

interface ClusterTable {
  /** [C, width], row-major: S sums, then one count per distinct pattern of missing values. */
  readonly table: Float64Array
  readonly width: number
  /** Position of the count that belongs to each column, [S]. */
  readonly divisor: Int32Array
}

function clusterTable(columns: readonly ArrayLike<number>[], { index, count }: Clusters): ClusterTable {
  const patterns = new Map<string, number>()
  const counted: number[] = []
  const divisor = new Int32Array(columns.length)
  columns.forEach((column, s) => {
    const pattern = missingPattern(column)
    let position = patterns.get(pattern)
    if (position === undefined) {
      position = columns.length + patterns.size
      patterns.set(pattern, position)
      counted.push(s)
    }
    divisor[s] = position
  })
  const width = columns.length + counted.length
  const table = new Float64Array(count * width)
  for (let i = 0; i < index.length; i++) {
    const row = index[i]! * width
    columns.forEach((column, s) => {
      const value = column[i]!
      if (!Number.isNaN(value)) table[row + s]! += value
    })
    counted.forEach((s, m) => {
      if (!Number.isNaN(columns[s]![i]!)) table[row + columns.length + m]! += 1
    })
  }
  return { table, width, divisor }
}

function missingPattern(column: ArrayLike<number>): string {
  const missing: number[] = []
  for (let i = 0; i < column.length; i++) if (Number.isNaN(column[i]!)) missing.push(i)
  return missing.join(',')
}

function drawClusters(draws: Int32Array, random: Random): void {
  const count = draws.length
  for (let i = 0; i < count; i++) draws[i] = random.int(count)
}

function addRows(total: Float64Array, table: Float64Array, rows: Int32Array, width: number): void {
  total.fill(0)
  for (let i = 0; i < rows.length; i++) {
    const start = rows[i]! * width
    for (let s = 0; s < width; s++) total[s]! += table[start + s]!
  }
}
