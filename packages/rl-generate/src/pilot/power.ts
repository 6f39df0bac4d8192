import type { Estimate } from './estimate.ts'

/** Test questions that a paired comparison needs to show a gain with 80 % power at 5 %, two-sided. */
export interface NeededQuestions {
  /** In accuracy, 0..1. */
  readonly gain: number
  readonly questions: Estimate
}

const GAINS = [0.01, 0.02, 0.05]

/** (1.960 + 0.842)^2 */
const POWER = (1.959964 + 0.841621) ** 2

/**
 * n = (z_0.975 + z_0.8)^2 W / gain^2, with W the variance of a choice's accuracy within a question: that of the difference
 * between one choice and the mean of many blind ones. Against another single choice it is about twice as many.
 */
export function neededQuestions(within: Estimate): NeededQuestions[] {
  return GAINS.map((gain) => {
    const of = (variance: number): number => Math.ceil((POWER * variance) / gain ** 2)
    return { gain, questions: { value: of(within.value), low: of(within.low), high: of(within.high) } }
  })
}
