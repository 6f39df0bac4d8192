import { InputError } from '@lever/durable-files/input-error'
import { clusteredInterval, inPercent, type Interval } from './clusters.ts'
import type { Evaluation, QuestionScore } from './evaluation.ts'
import { formatIds, type QuestionId } from './question-id.ts'

/** A question that one of two result files gets right (accuracy above 0) and the other does not. */
export interface Flip {
  readonly questionId: QuestionId
  readonly accuracy: number
  readonly otherAccuracy: number
  readonly prediction: string
  readonly otherPrediction: string
}

/** Two evaluations on the same questions. */
export interface Comparison {
  /** Mean paired difference in points, this minus other. */
  readonly delta: number
  /** 95 % of the paired difference, clustered by image, in points; null with fewer than two images. */
  readonly interval: Interval | null
  /** Questions that both have answered. */
  readonly n: number
  readonly improved: number
  readonly worsened: number
  readonly unchanged: number
  /** From 0 in the other to above 0 here. */
  readonly gained: readonly Flip[]
  /** From above 0 in the other to 0 here. */
  readonly lost: readonly Flip[]
}

/** Compares two evaluations of the same questions, question by question. Throws InputError when none is shared. */
export function compareEvaluations(evaluation: Evaluation, other: Evaluation): Comparison {
  const others = new Map<QuestionId, QuestionScore>()
  for (const score of other.perQuestion) others.set(score.questionId, score)
  const differences: number[] = []
  const clusters: unknown[] = []
  const gained: Flip[] = []
  const lost: Flip[] = []
  for (const score of evaluation.perQuestion) {
    const paired = others.get(score.questionId)
    if (!paired || paired.mode !== score.mode) continue
    differences.push(score.accuracy - paired.accuracy)
    clusters.push(score.imageId ?? score)
    if (score.accuracy > 0 !== paired.accuracy > 0)
      (score.accuracy > 0 ? gained : lost).push(flip(score, paired))
  }
  if (differences.length === 0) {
    const ids = Array.from(evaluation.perQuestion, (score) => score.questionId)
    throw new InputError(`vqa-eval: the two results share no question; these are ${formatIds(ids)}`)
  }
  const improved = differences.filter((difference) => difference > 0).length
  const worsened = differences.filter((difference) => difference < 0).length
  const interval = clusteredInterval(differences, clusters)
  return {
    delta: (100 * differences.reduce((sum, difference) => sum + difference, 0)) / differences.length,
    interval: interval && inPercent(interval),
    n: differences.length,
    improved,
    worsened,
    unchanged: differences.length - improved - worsened,
    gained,
    lost,
  }
}

function flip(score: QuestionScore, other: QuestionScore): Flip {
  return {
    questionId: score.questionId,
    accuracy: score.accuracy,
    otherAccuracy: other.accuracy,
    prediction: score.prediction,
    otherPrediction: other.prediction,
  }
}
