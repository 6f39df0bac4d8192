import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import { normalQuantile } from './distributions.ts'

/** Standard error, level and power of a test. */
export interface DetectableOptions {
  /** Standard error of the difference, in the unit of the answer; for n independent pairs sd / sqrt(n). */
  readonly standardError: number
  /** Two-sided significance level. Default 0.05. */
  readonly alpha?: number
  /** Default 0.8. */
  readonly power?: number
}

export const DETECTABLE_OPTIONS: OptionNames<DetectableOptions> = {
  standardError: true,
  alpha: true,
  power: true,
}

/**
 * The smallest true difference that a two-sided test at `alpha` finds with probability `power`:
 * (z(1 - alpha/2) + z(power)) x standard error. With sd 0.35 and 800 pairs: 0.0347, that is 3.5 points.
 */
export function minimumDetectableEffect(options: DetectableOptions): number {
  refuseUnknownOptions(options, DETECTABLE_OPTIONS, 'icl-eval: minimumDetectableEffect')
  const { standardError, alpha = 0.05, power = 0.8 } = options
  return (normalQuantile(1 - alpha / 2) + normalQuantile(power)) * standardError
}
