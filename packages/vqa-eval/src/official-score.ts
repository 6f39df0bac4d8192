import { InputError } from '@lever/durable-files/input-error'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
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

/** What a prompt is worth where nothing was decoded: the expected accuracy alone. */
export interface ExpectedScore extends Pick<Score, 'mode' | 'split'> {
  readonly accuracy?: undefined
  readonly gtProb: number
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

export const OFFICIAL_SCORE_OPTIONS: OptionNames<OfficialScoreOptions> = {
  allowFallback: true,
  gtProb: true,
  relScore: true,
}

/** Scores an answer to a question; the function that `rl-generate` and `icl-eval` take. */
export type OfficialScore = (
  prediction: string,
  question: ScoredQuestion,
  answer?: { readonly scores?: readonly Pick<ScoredAnswer, 'answer' | 'logProb'>[] | undefined },
) => Score

/** Makes an {@link ExpectedScore} of what a model gave; the prediction is not looked at. */
export type ScoreExpected = (
  prediction: string,
  question: ScoredQuestion,
  answer: { readonly scores?: readonly Pick<ScoredAnswer, 'answer' | 'logProb'>[] | undefined },
) => ExpectedScore

/** With fewer human answers than this, the official accuracy of a correct answer is below 1. */
const MIN_OFFICIAL_ANSWERS = 4

/** Log-probabilities agree between batches to about 1e-4; more decimals would be noise. */
const DECIMALS = 4
/** Of an expected accuracy below 0.01: its logarithm is a reward too. */
const DIGITS = 3

/** The metric by which {@link officialScore} scores these questions, as protocols name it. */
export function metricOf(questions: readonly Pick<ScoredQuestion, 'metric'>[]): string {
  return questions.find(({ metric }) => metric !== undefined)?.metric ?? OFFICIAL_METRIC
}

/**
 * The official accuracy, or that of A-OKVQA for its questions. The string matcher is used only
 * where a question has fewer than four answers and `allowFallback` is true. Accuracies are kept
 * by question and answer, so a repeated answer costs a look-up.
 */
export function officialScore(options: OfficialScoreOptions = {}): OfficialScore {
  refuseUnknownOptions(options, OFFICIAL_SCORE_OPTIONS, 'vqa-eval: officialScore')
  const { allowFallback = false, gtProb = false, relScore = false } = options
  const scoreOf = answerScorer(allowFallback)
  return (prediction, question, answer) => {
    const score = scoreOf(prediction, question)
    const scores = gtProb ? answer?.scores : undefined
    return {
      ...score,
      ...(scores && {
        gtProb: rounded(expectedAccuracy(scores, (text) => scoreOf(text, question).accuracy)),
      }),
      ...(relScore && likeness(prediction, question.answers)),
    }
  }
}

/** How a prompt is scored of which only given answers were. */
export type ExpectedScoreOptions = Pick<OfficialScoreOptions, 'allowFallback'>

/**
 * The expected accuracy of a prompt of which only the given answers were scored, by the metric of {@link officialScore}.
 * Throws an error with code `LEVER_INPUT` where the answer brings no log-probabilities.
 */
export function expectedScore(options: ExpectedScoreOptions = {}): ScoreExpected {
  refuseUnknownOptions(options, { allowFallback: true }, 'vqa-eval: expectedScore')
  const { allowFallback = false } = options
  const scoreOf = answerScorer(allowFallback)
  return (_, question, { scores }) => {
    if (scores === undefined || scores.length === 0) {
      throw new InputError(
        'vqa-eval: the model gives no probabilities of answers, of which the expected accuracy is made; use --reward accuracy, or a model that scores given answers',
      )
    }
    const { mode } = scoreOf(scores[0]!.answer, question)
    return { mode, gtProb: rounded(expectedAccuracy(scores, (text) => scoreOf(text, question).accuracy)) }
  }
}

function rounded(expected: number): number {
  return Number(expected < 0.01 ? expected.toPrecision(DIGITS) : expected.toFixed(DECIMALS))
}

/** The accuracy of an answer, kept by question and answer. */
function answerScorer(allowFallback: boolean): (prediction: string, question: ScoredQuestion) => Score {
  const known = new WeakMap<ScoredQuestion, Map<string, number>>()
  return (prediction, question) => {
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
}

function likeness(
  prediction: string,
  answers: readonly string[],
): Pick<Score, 'relTokenF1' | 'relEditSim' | 'rel'> {
  const { tokenF1, editSimilarity, similarity } = answerSimilarity(prediction, answers)
  return { relTokenF1: tokenF1, relEditSim: editSimilarity, rel: similarity }
}
