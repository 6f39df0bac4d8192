import type { ScoredAnswer } from '@lever/vqa-eval'
import { answerSimilarity, expectedAccuracy, fallbackScore, scoreAnswer } from '@lever/vqa-eval'

/** The metric of VQA and OK-VQA, as protocols name it: each of ten answers left out once. */
export const OFFICIAL = 'vqa-loo'

interface Scored {
  readonly answers: readonly string[]
  readonly id: number
  /** Absent: the official accuracy. */
  readonly metric?: 'aokvqa'
}

/** A score, with the figures that were asked for besides the accuracy. */
export interface Score {
  readonly accuracy: number
  readonly mode: 'file' | 'fallback'
  readonly gtProb?: number
  readonly relTokenF1?: number
  readonly relEditSim?: number
  readonly rel?: number
}

export interface ScoringOptions {
  /** The string match where a question has too few answers. */
  readonly allowFallback?: boolean
  /** `vqa_gt_prob`, from the log-probabilities that the answer brings. */
  readonly gtProb?: boolean
  /** `vqa_rel_score` and its two parts. */
  readonly relScore?: boolean
}

/** With fewer human answers the official accuracy of a right answer is below 1. */
const ENOUGH = 4

/** Log-probabilities agree between batches to about 1e-4; further digits say nothing. */
const DIGITS = 4

/** The metric that `officialScore` scores these questions by, as protocols name it. */
export function metricOf(examples: readonly Pick<Scored, 'metric'>[]): string {
  return examples.find(({ metric }) => metric !== undefined)?.metric ?? OFFICIAL
}

/**
 * The official accuracy, or that of A-OKVQA for its questions, as the function that `rl-generate` and `icl-eval` take. The fallback, a
 * string match, is used only where a question has too few answers and `allowFallback` is true.
 */
export function officialScore({
  allowFallback = false,
  gtProb = false,
  relScore = false,
}: ScoringOptions = {}): (
  prediction: string,
  example: Scored,
  answer?: { readonly scores?: readonly ScoredAnswer[] | undefined },
) => Score {
  const known = new Map<Scored, Map<string, number>>()

  const scoreOf = (prediction: string, example: Scored): Score => {
    if (example.answers.length < ENOUGH && allowFallback) {
      return { accuracy: fallbackScore(prediction, example.answers).accuracy, mode: 'fallback' }
    }
    const scores = known.get(example) ?? new Map<string, number>()
    known.set(example, scores)
    const mode = example.metric ?? 'official'
    const accuracy = scores.get(prediction) ?? scoreAnswer(prediction, example.answers, { mode }).accuracy
    scores.set(prediction, accuracy)
    return { accuracy, mode: 'file' }
  }

  return (prediction, example, answer) => {
    const score = scoreOf(prediction, example)
    const scores = gtProb ? answer?.scores : undefined
    return {
      ...score,
      ...(scores && {
        gtProb: Number(expectedAccuracy(scores, (text) => scoreOf(text, example).accuracy).toFixed(DIGITS)),
      }),
      ...(relScore && likeness(prediction, example.answers)),
    }
  }
}

function likeness(
  prediction: string,
  answers: readonly string[],
): Pick<Score, 'relTokenF1' | 'relEditSim' | 'rel'> {
  const { tokenF1, editSimilarity, similarity } = answerSimilarity(prediction, answers)
  return { relTokenF1: tokenF1, relEditSim: editSimilarity, rel: similarity }
}
