import { tQuantile } from './distributions.ts'
import type { Interval } from './interval.ts'

/** How a figure varies over seeds. */
export interface Spread {
  readonly n: number
  readonly mean: number
  /** Sample standard deviation (n - 1); null with one seed. */
  readonly sd: number | null
  readonly min: number
  readonly max: number
  /** t interval of the mean over seeds; null with one seed. */
  readonly ci: Interval | null
}

/** Mean, standard deviation, range and t interval of one figure over seeds. Throws RangeError when empty. */
export function spread(values: readonly number[], level = 0.95): Spread {
  const n = values.length
  if (n === 0) throw new RangeError('icl-eval: spread needs at least one value')
  const mean = values.reduce((sum, value) => sum + value, 0) / n
  const range = {
    n,
    mean,
    min: values.reduce((least, value) => Math.min(least, value), Infinity),
    max: values.reduce((most, value) => Math.max(most, value), -Infinity),
  }
  if (n === 1) return { ...range, sd: null, ci: null }
  const sd = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1))
  const half = (tQuantile((1 + level) / 2, n - 1) * sd) / Math.sqrt(n)
  return { ...range, sd, ci: [mean - half, mean + half] }
}
