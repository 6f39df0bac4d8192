/** What the VQA model did with one pointer, in the field names of the RL data files. */
export interface Outcome {
  /** 1 when the answer counts as right, 0 when not. */
  readonly vqa_correct?: number | null
  /** Official VQA accuracy of the answer, 0..1. */
  readonly vqa_acc_score?: number | null
  /**
   * Expected accuracy E, 0..1: the sum over the different human answers of accuracy x probability under the model. The
   * name is the original's, whose tools read it.
   */
  readonly vqa_gt_prob?: number | null
  /** Likeness of a wrong answer to the ground truth, 0..1. */
  readonly vqa_rel_score?: number | null
  /** InfoScore of the pointer, or the score of the beam that proposed it. */
  readonly beam_score?: number | null
  /** Log-probability of the pointer under the policy that proposed it. */
  readonly logprob_score?: number | null
}

/** A field of an {@link Outcome}. */
export type OutcomeField = keyof Outcome
