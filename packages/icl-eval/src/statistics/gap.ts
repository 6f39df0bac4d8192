import type { Bootstrap } from './bootstrap.ts'
import type { Interval } from './interval.ts'
import { percentileInterval } from './interval.ts'

/** The share of the way from random to the oracle that a selector goes. */
export interface Gap {
  /** (x - random) / (oracle - random); null when the oracle is not above random. */
  readonly value: number | null
  /** Null also where too many resamples have no gap to say where the share lies. */
  readonly ci: Interval | null
}

/** A gap of less than this is rounding: accuracies are multiples of 0.1 / 3 at least. */
const LEAST_GAP = 1e-9

/** The share of the random-to-oracle gap that x closes; null when oracle <= random. 1 is the oracle, 0 random. */
export function gapClosed(x: number, random: number, oracle: number): number | null {
  return oracle - random > LEAST_GAP ? (x - random) / (oracle - random) : null
}

/**
 * `gapClosed` of three columns of one bootstrap, with its percentile interval over the resamples in which the oracle is
 * above random. There is no interval when the others are more than (1 - level) / 2 of all: a share of a gap that may be
 * nothing can be anything.
 */
export function gapClosedInterval(
  bootstrap: Bootstrap,
  columns: { readonly x: number; readonly random: number; readonly oracle: number },
  level = 0.95,
): Gap {
  const [x, random, oracle] = [columns.x, columns.random, columns.oracle]
  const { estimates, samples, resamples } = bootstrap
  const value = gapClosed(estimates[x]!, estimates[random]!, estimates[oracle]!)
  if (value === null) return { value: null, ci: null }
  const ratios = Float64Array.from(
    { length: resamples },
    (_, r) => gapClosed(samples[x]![r]!, samples[random]![r]!, samples[oracle]![r]!) ?? NaN,
  )
  const without = ratios.filter(Number.isNaN).length / resamples
  return { value, ci: without > (1 - level) / 2 ? null : percentileInterval(ratios, level) }
}
