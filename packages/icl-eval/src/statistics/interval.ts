/** `[low, high]`, in the unit of the values. */
export type Interval = readonly [low: number, high: number]

/**
 * The quantile `q` in [0, 1] with linear interpolation between order statistics (NumPy's default, type 7).
 * `sorted` is ascending; the result is NaN when it is empty.
 */
export function sortedQuantile(sorted: ArrayLike<number>, q: number): number {
  if (!(q >= 0 && q <= 1)) throw new RangeError(`icl-eval: a quantile needs 0 <= q <= 1, got ${q}`)
  if (sorted.length === 0) return NaN
  const position = q * (sorted.length - 1)
  const below = Math.floor(position)
  const low = sorted[below]!
  const high = sorted[Math.min(below + 1, sorted.length - 1)]!
  return low + (high - low) * (position - below)
}

/**
 * The percentile interval of bootstrap samples: the quantiles (1-level)/2 and (1+level)/2 of the finite ones.
 * Samples that are not finite (a ratio whose denominator vanished) are left out.
 */
export function percentileInterval(samples: ArrayLike<number>, level = 0.95): Interval {
  if (!(level > 0 && level < 1)) throw new RangeError(`icl-eval: level must be in (0, 1), got ${level}`)
  const [low, high] = quantiles(samples, [(1 - level) / 2, (1 + level) / 2])
  return [low!, high!]
}

/** Quantiles of the finite samples. */
export function quantiles(samples: ArrayLike<number>, wanted: readonly number[]): number[] {
  const sorted = Float64Array.from(samples).filter(Number.isFinite).sort()
  return wanted.map((q) => sortedQuantile(sorted, q))
}
