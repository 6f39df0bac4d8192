import type { Clusters } from './clusters.ts'
import { assertClustered } from './clusters.ts'
import { tQuantile } from './distributions.ts'
import type { Interval } from './interval.ts'

/** A mean with a standard error that is robust to clusters. */
export interface ClusteredMean {
  readonly mean: number
  /** Cluster-robust standard error; NaN with fewer than two clusters. */
  readonly standardError: number
  /** mean +- t(C - 1) x standard error. */
  readonly interval: Interval
  /** Values that are not NaN. */
  readonly n: number
  /** Clusters that hold at least one of them. */
  readonly clusters: number
}

/**
 * The mean of n values in C clusters with the cluster-robust standard error
 *   se^2 = C / (C - 1) x sum over clusters (sum of (x_i - mean) in the cluster)^2 / n^2
 * (Liang and Zeger 1986; equal to the ordinary s / sqrt(n) when every cluster has one value). NaN values are left out.
 */
export function clusteredMean(values: ArrayLike<number>, clusters: Clusters, level = 0.95): ClusteredMean {
  assertClustered(values, clusters, 'clusteredMean')
  const present = Array.from(values, (_, i) => i).filter((i) => !Number.isNaN(values[i]!))
  const n = present.length
  const mean = present.reduce((sum, i) => sum + values[i]!, 0) / n
  const residuals = new Map<number, number>()
  for (const i of present) {
    const cluster = clusters.index[i]!
    residuals.set(cluster, (residuals.get(cluster) ?? 0) + values[i]! - mean)
  }
  const count = residuals.size
  const squares = Array.from(residuals.values()).reduce((sum, residual) => sum + residual ** 2, 0)
  const standardError = count < 2 ? NaN : Math.sqrt((count / (count - 1)) * squares) / n
  const half = count < 2 ? NaN : tQuantile((1 + level) / 2, count - 1) * standardError
  return { mean, standardError, interval: [mean - half, mean + half], n, clusters: count }
}
