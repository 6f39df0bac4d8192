/** A figure with its 95 % interval. */
export interface Estimate {
  readonly value: number
  readonly low: number
  readonly high: number
}

/** How an interval is made on another scale and brought back. */
export interface Scale {
  readonly to: (value: number) => number
  readonly from: (value: number) => number
}

const PLAIN: Scale = { to: (value) => value, from: (value) => value }

/** For correlations: Fisher's z. */
export const CORRELATION: Scale = {
  to: (value) => Math.atanh(Math.min(0.999999, Math.max(-0.999999, value))),
  from: Math.tanh,
}

/** For squared correlations, whose spread grows with their size: the root, with its sign. */
export const SQUARED: Scale = {
  to: (value) => Math.sign(value) * Math.sqrt(Math.abs(value)),
  from: (value) => value * Math.abs(value),
}

/**
 * A figure of n queries with the interval of the delete-one jackknife: value +- t * SE,
 * SE^2 = (n - 1) / n * sum_i (v_(i) - mean v_(.))^2, t of n - 1 degrees of freedom, on `scale`. Source: Efron and Stein,
 * The jackknife estimate of variance (1981). `figure` gets the query to leave out, or -1.
 */
export function jackknife(n: number, figure: (without: number) => number, scale: Scale = PLAIN): Estimate {
  const value = figure(-1)
  const without = Array.from({ length: n }, (_, i) => scale.to(figure(i)))
  const mean = without.reduce((sum, one) => sum + one, 0) / n
  const squares = without.reduce((sum, one) => sum + (one - mean) ** 2, 0)
  const reach = studentQuantile(n - 1) * Math.sqrt(((n - 1) / n) * squares)
  const centre = scale.to(value)
  return { value, low: scale.from(centre - reach), high: scale.from(centre + reach) }
}

/** Wilson's interval of a share of n (1927). */
export function shareOf(count: number, n: number): Estimate {
  const z = 1.959964
  const share = count / n
  const centre = (share + (z * z) / (2 * n)) / (1 + (z * z) / n)
  const reach = (z * Math.sqrt((share * (1 - share)) / n + (z * z) / (4 * n * n))) / (1 + (z * z) / n)
  return { value: share, low: Math.max(0, centre - reach), high: Math.min(1, centre + reach) }
}

/** The estimate with its ends inside an interval. */
export function clamped({ value, low, high }: Estimate, least: number, most: number): Estimate {
  const inside = (one: number): number => Math.min(most, Math.max(least, one))
  return { value, low: inside(low), high: inside(high) }
}

/** 97.5 % quantile of Student's t, by the expansion of Cornish and Fisher; exact to 0.5 % from 3 degrees of freedom. */
function studentQuantile(freedom: number): number {
  const z = 1.959964
  const terms = [
    (z ** 3 + z) / 4,
    (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96,
    (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / 384,
  ]
  return terms.reduce((sum, term, i) => sum + term / freedom ** (i + 1), z)
}
