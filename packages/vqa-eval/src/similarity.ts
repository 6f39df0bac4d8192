import { normalizeAnswer } from './normalize.ts'

/** How much a prediction is like the nearest human answer; each figure in 0..1. */
export interface AnswerSimilarity {
  /** F1 of the words as bags */
  readonly tokenF1: number
  /** share of matching characters, see `sequenceSimilarity` */
  readonly editSimilarity: number
  /** the larger of the two */
  readonly similarity: number
}

/**
 * Similarity of a prediction to the nearest of the human answers, all normalised as the official
 * metric does:
 *
 *     tokenF1        = max over a of 2 |P ∩ a| / (|P| + |a|), bags of words
 *     editSimilarity = max over a of 2 M / T, M matching of T characters
 *     similarity     = max(tokenF1, editSimilarity)
 *
 * Source: `compute_relevance` of Lever-Plus (`vqa_rel_token_f1`, `vqa_rel_edit_sim`,
 * `vqa_rel_score`). An empty prediction, or no answers, gives zeros.
 */
export function answerSimilarity(prediction: string, answers: readonly string[]): AnswerSimilarity {
  const said = normalizeAnswer(prediction)
  const nearest = { tokenF1: 0, editSimilarity: 0 }
  if (said !== '') {
    for (const answer of new Set(answers.map((one) => normalizeAnswer(one)))) {
      nearest.tokenF1 = Math.max(nearest.tokenF1, tokenF1(said, answer))
      nearest.editSimilarity = Math.max(nearest.editSimilarity, sequenceSimilarity(said, answer))
    }
  }
  return { ...nearest, similarity: Math.max(nearest.tokenF1, nearest.editSimilarity) }
}

function tokenF1(a: string, b: string): number {
  const words = (text: string): string[] => text.split(/\s+/).filter((word) => word !== '')
  const [left, right] = [words(a), words(b)]
  if (left.length === 0 || right.length === 0) return 0
  const counts = new Map<string, number>()
  for (const word of left) counts.set(word, (counts.get(word) ?? 0) + 1)
  let common = 0
  for (const word of right) {
    const count = counts.get(word) ?? 0
    if (count === 0) continue
    counts.set(word, count - 1)
    common += 1
  }
  return (2 * common) / (left.length + right.length)
}

/**
 * 2 M / T after Ratcliff and Obershelp: M sums up the longest common run of characters, and the
 * same left and right of it; T counts the characters of both. The figure of Python's
 * `difflib.SequenceMatcher(None, a, b, autojunk=False).ratio()`, ties included. Two empty texts are equal.
 */
export function sequenceSimilarity(a: string, b: string): number {
  const [left, right] = [Array.from(a), Array.from(b)]
  const total = left.length + right.length
  if (total === 0) return 1
  let matches = 0
  const parts: [number, number, number, number][] = [[0, left.length, 0, right.length]]
  for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
    const [fromA, toA, fromB, toB] = part
    const { at, other, length } = longestRun(left, right, part)
    if (length === 0) continue
    matches += length
    parts.push([fromA, at, fromB, other], [at + length, toA, other + length, toB])
  }
  return (2 * matches) / total
}

/** The longest common run; of equal ones the first in `a`, of these the first in `b`. */
function longestRun(
  a: readonly string[],
  b: readonly string[],
  [fromA, toA, fromB, toB]: readonly [number, number, number, number],
): { at: number; other: number; length: number } {
  let best = { at: fromA, other: fromB, length: 0 }
  let runs = new Array<number>(toB - fromB + 1).fill(0)
  for (let i = fromA; i < toA; i++) {
    const next = new Array<number>(toB - fromB + 1).fill(0)
    for (let j = fromB; j < toB; j++) {
      if (a[i] !== b[j]) continue
      const length = runs[j - fromB]! + 1
      next[j - fromB + 1] = length
      if (length > best.length) best = { at: i - length + 1, other: j - length + 1, length }
    }
    runs = next
  }
  return best
}
