/**
 * log p(answer, end token | prompt) under a model: natural logarithm, summed over `tokens` tokens, of which the end token
 * is one.
 */
export interface ScoredAnswer {
  readonly answer: string
  readonly logProb: number
  readonly tokens: number
}

/**
 * The different human answers as they were written, white space at the ends removed, at most `most` of them: the most
 * frequent first; of answers given equally often the one that stands first in the annotation.
 */
export function distinctAnswers(answers: readonly string[], most: number = Infinity): string[] {
  return countAnswers(answers)
    .slice(0, most)
    .map(([text]) => text)
}

/** Share of the humans, 0..1, whose answers {@link distinctAnswers} leaves out under `most`. */
export function shareLeftOut(answers: readonly string[], most: number): number {
  const counts = countAnswers(answers)
  const total = counts.reduce((sum, [, count]) => sum + count, 0)
  const left = counts.slice(most).reduce((sum, [, count]) => sum + count, 0)
  return total === 0 ? 0 : left / total
}

function countAnswers(answers: readonly string[]): [text: string, count: number][] {
  const counts = new Map<string, number>()
  for (const answer of answers) {
    const text = answer.trim()
    if (text !== '') counts.set(text, (counts.get(text) ?? 0) + 1)
  }
  return [...counts].sort(([, a], [, b]) => b - a)
}

/**
 * The expected accuracy E: the accuracy that a model's own distribution of answers has, counted over the human answers
 * (the field `vqa_gt_prob` of RL data):
 *
 *     E = sum over the different human answers a of acc(a) * p(a)
 *     p(a) = product over the tokens of a, and the end token, of p(token | prompt, tokens before)
 *
 * `acc` is the metric that also scores answers, so an answer of one in ten humans weighs 0.3 and
 * one of four or more weighs 1. Different answers exclude each other, so E is in 0..1; what the
 * model may say besides the human answers, and human answers that are not scored, count as wrong, so E is a lower bound.
 *
 * Corrects Lever-Plus (`compute_expected_vqa_acc_prob`), which took the mean of the tokens in
 * place of their product, weights min(n / 3, 1), and a mask that hid the wrong tokens.
 */
export function expectedAccuracy(
  scores: readonly Pick<ScoredAnswer, 'answer' | 'logProb'>[],
  accuracyOf: (answer: string) => number,
): number {
  const sum = scores.reduce((total, { answer, logProb }) => total + accuracyOf(answer) * Math.exp(logProb), 0)
  return Math.min(1, sum)
}
