export interface Interval {
  /** Mean of the values. */
  readonly mean: number
  readonly standardError: number
  readonly low: number
  readonly high: number
  /** Number of clusters C. */
  readonly clusters: number
}

const NORMAL_975 = 1.959963984540054

/**
 * 95 % interval of a mean of n values that are independent between clusters only (questions of one image are not):
 * mean +- 1.96 se with se^2 = C / (C - 1) * sum over clusters of (sum of (value - mean) in it)^2 / n^2.
 * Null with fewer than two clusters.
 */
export function clusteredInterval(values: readonly number[], clusters: readonly unknown[]): Interval | null {
  let total = 0
  for (const value of values) total += value
  const mean = total / values.length
  const residuals = new Map<unknown, number>()
  for (const [i, cluster] of clusters.entries()) {
    residuals.set(cluster, (residuals.get(cluster) ?? 0) + values[i]! - mean)
  }
  if (residuals.size < 2) return null
  let squares = 0
  for (const residual of residuals.values()) squares += residual * residual
  const standardError = Math.sqrt((residuals.size / (residuals.size - 1)) * squares) / values.length
  return {
    mean,
    standardError,
    low: mean - NORMAL_975 * standardError,
    high: mean + NORMAL_975 * standardError,
    clusters: residuals.size,
  }
}
