/** How `vqa_correct` becomes the correctness of mode `legacy`: 0 and 1, or -1 and 1. */
export const CORRECTNESS_MODES = ['01', 'pm1'] as const

/** A name of {@link CORRECTNESS_MODES}. */
export type CorrectnessMode = (typeof CORRECTNESS_MODES)[number]

/** The numbers a reward mode may use. `alpha` and `beta` are already the defaults of the mode when not given. */
export interface RewardWeights {
  readonly hardWeight: number
  readonly softWeight: number
  readonly relWeight: number
  readonly alpha: number
  readonly beta: number
  readonly correctnessMode: CorrectnessMode
  readonly useLogprob: boolean
}
