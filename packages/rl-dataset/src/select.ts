import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import type { RlCandidate } from './types.ts'

/** Which candidates training uses. */
export interface SelectOptions {
  /** Leave out outcomes of the string matcher (`vqa_eval_mode` `fallback`). Default true. */
  readonly skipFallbackReward?: boolean
  /** Only candidates of these `gen_method`s (`unknown` for those without); null for all. Default null. */
  readonly filterGenMethods?: readonly string[] | null
  /** Also use outcomes that were copied from another query. Default false. */
  readonly includeTransferred?: boolean
}

export const SELECT_OPTIONS: OptionNames<SelectOptions> = {
  skipFallbackReward: true,
  filterGenMethods: true,
  includeTransferred: true,
}

/** Why a candidate is left out of training. */
export type RejectReason = 'eval_failed' | 'error' | 'fallback' | 'transferred_reward' | 'gen_method'

/**
 * A function that says why a candidate is left out of training, or undefined. An outcome without `vqa_eval_mode` is unknown,
 * which is not `fallback`.
 */
export function candidateFilter(
  options: SelectOptions = {},
): (candidate: RlCandidate) => RejectReason | undefined {
  refuseUnknownOptions(options, SELECT_OPTIONS, 'rl-dataset: candidateFilter')
  const { skipFallbackReward = true, filterGenMethods = null, includeTransferred = false } = options
  const methods = filterGenMethods && new Set(filterGenMethods)
  return (candidate) => {
    if (candidate.eval_failed === true) return 'eval_failed'
    if (candidate.vqa_eval_mode === 'error') return 'error'
    if (skipFallbackReward && candidate.vqa_eval_mode === 'fallback') return 'fallback'
    if (!includeTransferred && candidate.transferred_reward === true) return 'transferred_reward'
    if (methods && !methods.has(candidate.gen_method ?? 'unknown')) return 'gen_method'
    return undefined
  }
}
