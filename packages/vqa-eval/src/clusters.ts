/** A mean with its interval. */
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
export function clusteredInterval(values: ArrayLike<number>, clusters: ArrayLike<unknown>): Interval | null {
  return intervalOf(
    values.length,
    (i) => values[i]!,
    (i) => clusters[i],
  )
}

/** `clusteredInterval` of n values that are asked for one by one, twice. */
export function intervalOf(
  n: number,
  value: (i: number) => number,
  cluster: (i: number) => unknown,
): Interval | null {
  let total = 0
  for (let i = 0; i < n; i++) total += value(i)
  const mean = total / n
  const residuals = new Map<unknown, number>()
  for (let i = 0; i < n; i++) residuals.set(cluster(i), (residuals.get(cluster(i)) ?? 0) + value(i) - mean)
  if (residuals.size < 2) return null
  let squares = 0
  for (const residual of residuals.values()) squares += residual * residual
  const standardError = Math.sqrt((residuals.size / (residuals.size - 1)) * squares) / n
  return {
    mean,
    standardError,
    low: mean - NORMAL_975 * standardError,
    high: mean + NORMAL_975 * standardError,
    clusters: residuals.size,
  }
}

/** An interval of shares as one of points. */
export function inPercent({ mean, standardError, low, high, clusters }: Interval): Interval {
  return { mean: 100 * mean, standardError: 100 * standardError, low: 100 * low, high: 100 * high, clusters }
}
