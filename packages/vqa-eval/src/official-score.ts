import { expectedAccuracy, type ScoredAnswer } from './expected-accuracy.ts'
import { fallbackScore } from './fallback.ts'
import { scoreAnswer } from './score.ts'
import { answerSimilarity } from './similarity.ts'

/** The metric of VQA and OK-VQA as protocols name it: each of the ten human answers is left out once. */
export const OFFICIAL_METRIC = 'vqa-loo'

interface ScoredQuestion {
  readonly answers: readonly string[]
  /** Absent: the official accuracy. */
  readonly metric?: 'aokvqa'
}

/** What an answer is worth, with whatever was asked for besides the accuracy. */
export interface Score {
  /** 0..1 */
  readonly accuracy: number
  /** `file`: the official metric on the annotation file; `fallback`: the string matcher. */
  readonly mode: 'file' | 'fallback'
  /** Split of the annotations used, e.g. `train`. */
  readonly split?: string
  /** Expected accuracy under the probabilities that the model gives the human answers. */
  readonly gtProb?: number
  readonly relTokenF1?: number
  readonly relEditSim?: number
  readonly rel?: number
}

/** What is computed for an answer besides its accuracy. */
export interface OfficialScoreOptions {
  /** Use the string matcher where a question has fewer than four answers. */
  readonly allowFallback?: boolean
  /** Add `gtProb` where the answer brings log-probabilities. */
  readonly gtProb?: boolean
  /** Add the likeness to the nearest human answer: `rel` and its two parts. */
  readonly relScore?: boolean
}

/** Scores an answer to a question; the function that `rl-generate` and `icl-eval` take. */
export type OfficialScore = (
  prediction: string,
  question: ScoredQuestion,
  answer?: { readonly scores?: readonly Pick<ScoredAnswer, 'answer' | 'logProb'>[] | undefined },
) => Score

/** With fewer human answers than this, the official accuracy of a correct answer is below 1. */
const MIN_OFFICIAL_ANSWERS = 4

/** Log-probabilities agree between batches to about 1e-4; more digits would be noise. */
const GT_PROB_DIGITS = 4

/** The metric by which {@link officialScore} scores these questions, as protocols name it. */
export function metricOf(questions: readonly Pick<ScoredQuestion, 'metric'>[]): string {
  return questions.find(({ metric }) => metric !== undefined)?.metric ?? OFFICIAL_METRIC
}

/**
 * The official accuracy, or that of A-OKVQA for its questions. The string matcher is used only
 * where a question has fewer than four answers and `allowFallback` is true. Accuracies are kept
 * by question and answer, so a repeated answer costs a look-up.
 */
export function officialScore({
  allowFallback = false,
  gtProb = false,
  relScore = false,
}: OfficialScoreOptions = {}): OfficialScore {
  const known = new WeakMap<ScoredQuestion, Map<string, number>>()

  const scoreOf = (prediction: string, question: ScoredQuestion): Score => {
    if (question.answers.length < MIN_OFFICIAL_ANSWERS && allowFallback) {
      return { accuracy: fallbackScore(prediction, question.answers).accuracy, mode: 'fallback' }
    }
    const scores = known.get(question) ?? new Map<string, number>()
    known.set(question, scores)
    const mode = question.metric ?? 'official'
    const accuracy = scores.get(prediction) ?? scoreAnswer(prediction, question.answers, { mode }).accuracy
    scores.set(prediction, accuracy)
    return { accuracy, mode: 'file' }
  }

  return (prediction, question, answer) => {
    const score = scoreOf(prediction, question)
    const scores = gtProb ? answer?.scores : undefined
    return {
      ...score,
      ...(scores && {
        gtProb: Number(
          expectedAccuracy(scores, (text) => scoreOf(text, question).accuracy).toFixed(GT_PROB_DIGITS),
        ),
      }),
      ...(relScore && likeness(prediction, question.answers)),
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
