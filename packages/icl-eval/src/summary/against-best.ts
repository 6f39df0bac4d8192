import type { Bootstrap } from '../statistics/bootstrap.ts'
import type { Interval } from '../statistics/interval.ts'
import { quantiles } from '../statistics/interval.ts'

/** A difference to one of the baselines that the best one was picked from. */
export interface RivalDifference {
  /** Mean difference, and its resamples. */
  readonly delta: number
  readonly samples: Float64Array
  /** Two-sided p of no difference. */
  readonly p: number
}

/**
 * What can be said of the difference to whichever of m baselines is truly the best, although it was picked on the very
 * questions: with 1 - alpha the difference lies between the lowest of the lower ends of the m paired intervals (who is
 * above the best is above each of them, so this needs no correction) and the lowest of the upper ends, each at
 * alpha / (2 m) (Bonferroni: any of them may be the lowest by luck). p likewise: above the best is what is above every
 * one (the intersection-union test of Berger 1982), below it what is below any one, m times its p.
 */
export function againstBest(
  rivals: readonly RivalDifference[],
  level: number,
): { readonly ci: Interval; readonly p: number } {
  const m = rivals.length
  const tail = (1 - level) / 2
  const ends = rivals.map(({ samples }) => quantiles(samples, [tail, 1 - tail / m]))
  const least = (values: readonly number[]): number => values.reduce((a, b) => Math.min(a, b), Infinity)
  const below = rivals.filter(({ delta }) => delta < 0).map(({ p }) => p)
  const p =
    below.length === 0
      ? rivals.reduce((most, one) => Math.max(most, one.p), 0)
      : Math.min(1, m * least(below))
  return { ci: [least(ends.map(([low]) => low!)), least(ends.map(([, high]) => high!))], p }
}

/** A difference of two columns of a bootstrap. */
export function differenceOf(
  { estimates, samples }: Bootstrap,
  [a, b]: readonly [number, number],
  p: number,
): RivalDifference {
  return {
    delta: estimates[a]! - estimates[b]!,
    samples: samples[a]!.map((value, r) => value - samples[b]![r]!),
    p,
  }
}
