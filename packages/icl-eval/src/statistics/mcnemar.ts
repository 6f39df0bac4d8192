import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'

import { logGamma } from './distributions.ts'

/** When a question counts as correct. */
export interface McNemarOptions {
  /** Least accuracy, 0..1. Default 0.5. */
  readonly threshold?: number
}

const MCNEMAR_OPTIONS: OptionNames<McNemarOptions> = { threshold: true }

/** Discordant questions and the test on them. */
export interface McNemar {
  /** Questions that only the first side answers correctly. */
  readonly onlyFirst: number
  /** Questions that only the second side answers correctly. */
  readonly onlySecond: number
  /** Exact two-sided p. */
  readonly p: number
}

/**
 * The exact McNemar test on correctness. Official accuracy is a fraction, so a question counts as correct when its
 * accuracy is at least `threshold` (default 0.5). A pair with a NaN is left out. The test takes questions as
 * independent; for several questions per image the clustered tests are the ones to report.
 */
export function mcnemar(
  first: ArrayLike<number>,
  second: ArrayLike<number>,
  options: McNemarOptions = {},
): McNemar {
  refuseUnknownOptions(options, MCNEMAR_OPTIONS, 'icl-eval: mcnemar')
  const { threshold = 0.5 } = options
  if (first.length !== second.length) {
    throw new RangeError(`icl-eval: mcnemar got ${first.length} and ${second.length} values`)
  }
  let onlyFirst = 0
  let onlySecond = 0
  for (let i = 0; i < first.length; i++) {
    const a = first[i]!
    const b = second[i]!
    if (Number.isNaN(a) || Number.isNaN(b) || a >= threshold === b >= threshold) continue
    if (a >= threshold) onlyFirst += 1
    else onlySecond += 1
  }
  return { onlyFirst, onlySecond, p: mcnemarP(onlyFirst, onlySecond) }
}

/** Exact two-sided p of b and c discordant pairs: min(1, 2 P(X <= min(b, c))), X binomial (b + c, 1/2). */
export function mcnemarP(b: number, c: number): number {
  const n = b + c
  const k = Math.min(b, c)
  let term = Math.exp(logGamma(n + 1) - logGamma(k + 1) - logGamma(n - k + 1) - n * Math.LN2)
  let tail = 0
  for (let i = k; i >= 0; i--) {
    tail += term
    term *= i / (n - i + 1)
  }
  return Math.min(1, 2 * tail)
}
