import type { RlCandidate, RlShot } from '@lever/rl-dataset'
import type { Proposal } from '../proposals/types.ts'

/** The measured part of a candidate, with the field names of the data. */
export type OutcomeFields = Pick<
  RlCandidate,
  | 'vqa_raw_generation'
  | 'vqa_pred_answer'
  | 'vqa_correct'
  | 'vqa_acc_score'
  | 'vqa_gt_prob'
  | 'vqa_rel_token_f1'
  | 'vqa_rel_edit_sim'
  | 'vqa_rel_score'
  | 'vqa_eval_mode'
  | 'eval_split_used'
  | 'eval_failed'
  | 'eval_error'
  | 'eval_error_kind'
>

/** A line of the journal: a candidate and its query. */
export type OutcomeLine = RlCandidate & { readonly query_id: number }

/** The line of a pointer whose prompts are all answered. */
export function outcomeLine(
  queryId: number,
  pointer: readonly number[],
  rank: number,
  { method, beamRank, beamScore, logProb, temperature }: Proposal,
  outcome: OutcomeFields,
  shots: readonly RlShot[],
): OutcomeLine {
  return {
    query_id: queryId,
    pointer,
    gen_method: method,
    rank,
    beam_rank: beamRank,
    beam_score: beamScore,
    logprob_score: logProb,
    temperature,
    ...outcome,
    ...(shots.length === 0 ? {} : { shots }),
  }
}

/** The k-prefix of a pointer in the `shots` of its line. */
export function shotOf(k: number, outcome: OutcomeFields): RlShot {
  const { vqa_pred_answer, vqa_correct, vqa_acc_score, vqa_gt_prob, vqa_rel_score, vqa_eval_mode } = outcome
  return {
    k,
    ...(typeof vqa_pred_answer === 'string' ? { vqa_pred_answer } : {}),
    ...(vqa_correct === undefined ? {} : { vqa_correct }),
    ...(vqa_acc_score === undefined ? {} : { vqa_acc_score }),
    ...(vqa_gt_prob === undefined ? {} : { vqa_gt_prob }),
    ...(vqa_rel_score === undefined ? {} : { vqa_rel_score }),
    ...(vqa_eval_mode === undefined ? {} : { vqa_eval_mode }),
  }
}

/** Was an answer decoded and scored? */
export function hasAccuracy({ vqa_acc_score }: OutcomeFields): boolean {
  return typeof vqa_acc_score === 'number'
}

/** Did a server or device fail, so that a later run may still measure this? */
export function isPending({ eval_error_kind }: OutcomeFields): boolean {
  return eval_error_kind === 'transient'
}

/** Expected accuracies of one prompt in two batches differ by rounding, up to this share. */
const ROUNDING = 0.02

/**
 * Do two measurements of one prompt agree? Numbers that a model computes may differ by rounding; expected accuracies are
 * compared where there is no answer.
 */
export function agrees(a: OutcomeFields, b: OutcomeFields): boolean {
  const [one, two] = [a.vqa_gt_prob ?? 0, b.vqa_gt_prob ?? 0]
  const isSame = hasAccuracy(a) || Math.abs(one - two) <= 1e-4 + ROUNDING * Math.max(one, two)
  return (
    isSame &&
    a.vqa_pred_answer === b.vqa_pred_answer &&
    a.vqa_acc_score === b.vqa_acc_score &&
    a.vqa_eval_mode === b.vqa_eval_mode
  )
}
