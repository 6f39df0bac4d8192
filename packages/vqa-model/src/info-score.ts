import type { ScoredAnswer } from './types.ts'

/** How an InfoScore compares two prompts. */
export const infoScoreKinds = ['probability', 'log-probability'] as const

/** A name of {@link infoScoreKinds}. */
export type InfoScoreKind = (typeof infoScoreKinds)[number]

type Score = Pick<ScoredAnswer, 'logProb' | 'tokens'>

/**
 * P(y | S, x) = exp(log p(y | S, x) / T): the geometric mean of the probabilities of the T tokens of
 * the answer y, its end token included, after the demonstrations S and the query x.
 *
 * `get_cond_prob` of Lever-LM (github.com/ForJadeForest/Lever-LM, open_mmicl/interface/base_interface.py)
 * and of Lever-Plus: exp(-mean cross-entropy of the answer's tokens). There the tokens are found by the
 * length of a text that is not the model's input, so that with Qwen others are scored; here they are the
 * ids that were fed.
 */
export function answerProbability({ logProb, tokens }: Score): number {
  return Math.exp(logProb / tokens)
}

/**
 * InfoScore: what the demonstrations in `after` gain for the ground truth y over those in `before`.
 * - `probability`: P(y | S', x) - P(y | S, x), in [-1, 1]; Lever-LM (src/metrics/info_score.py) and
 *   Lever-Plus use it.
 * - `log-probability`: (log p(y | S', x) - log p(y | S, x)) / T, which is not near 0 where both
 *   probabilities are small. Neither of the two uses it.
 *
 * Positive: the model finds the ground truth more probable. Both scores must be of one answer.
 *
 * @throws RangeError if the scores are of different numbers of tokens
 */
export function infoScore(after: Score, before: Score, kind: InfoScoreKind = 'probability'): number {
  if (after.tokens !== before.tokens) {
    throw new RangeError(
      `vqa-model: an InfoScore compares one answer, but one has ${after.tokens} tokens and the other ${before.tokens}`,
    )
  }
  if (kind === 'probability') return answerProbability(after) - answerProbability(before)
  return (after.logProb - before.logProb) / after.tokens
}
