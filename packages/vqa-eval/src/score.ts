import { InputError } from '@lever/durable-files/input-error'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import { fallbackScore } from './fallback.ts'
import { cleanAnswer, normalizeAnswer } from './normalize.ts'
import { roundHalfEven } from './python-text.ts'

/**
 * - `official`: GT-Vision-Lab/VQA commit a013f0043 under Python 3.11, quirks included.
 * - `always`: the same, but answers are normalised even when all humans agree (Lever-Plus, lmms-eval).
 * - `aokvqa`: A-OKVQA direct answers, min(n / 3, 1) over exact matches, no normalisation.
 * - `fallback`: string match, see `fallbackScore`.
 */
export const SCORE_MODES = ['official', 'always', 'aokvqa', 'fallback'] as const

/** A name of `SCORE_MODES`. */
export type ScoreMode = (typeof SCORE_MODES)[number]

/** A human answer as official files hold it. Two equal objects exclude each other in the leave-one-out. */
export interface AnswerObject {
  readonly answer: string
  readonly [field: string]: unknown
}

/** How one answer is scored. */
export interface ScoreOptions {
  /** Default `official`. */
  readonly mode?: ScoreMode
  /** Must be true for mode `fallback`. Default false. */
  readonly allowFallback?: boolean
}

export const SCORE_OPTIONS: OptionNames<ScoreOptions> = { mode: true, allowFallback: true }

/** The official accuracy of one answer. */
export interface AnswerScore {
  readonly mode: ScoreMode
  /** 0..1, not rounded. */
  readonly accuracy: number
  /** 0..100, rounded to two decimals as the official tool does. */
  readonly accuracyPct: number
  /** Whether the normaliser ran: in mode `official` only when the cleaned answers are not all the same. */
  readonly processed: boolean
  /** The prediction and the answers as they were compared. */
  readonly prediction: string
  readonly answers: readonly string[]
}

/**
 * Accuracy of one prediction against n human answers.
 *
 * Official formula: the mean over the humans i of min(1, m_i / 3), where m_i is the number of answers equal to the
 * prediction among those that differ from answer i. Answers given as strings count as different humans; answer
 * objects are compared field by field, as the official code compares dicts, so equal objects exclude each other.
 *
 * Pure: the official code overwrites the answers, and may score a second call differently.
 *
 * @throws InputError if there are no answers, and for mode `fallback` without `allowFallback`
 */
export function scoreAnswer(
  prediction: string,
  answers: readonly (string | AnswerObject)[],
  options: ScoreOptions = {},
): AnswerScore {
  refuseUnknownOptions(options, SCORE_OPTIONS, 'vqa-eval: scoreAnswer')
  const { mode = 'official', allowFallback = false } = options
  requireFallbackAllowed(mode, allowFallback)
  const texts = answers.map((answer) => (typeof answer === 'string' ? answer : answer.answer))
  const result = (
    accuracy: number,
    processed: boolean,
    compared: string,
    others: readonly string[],
  ): AnswerScore => ({
    mode,
    accuracy,
    accuracyPct: roundHalfEven(100 * accuracy),
    processed,
    prediction: compared,
    answers: others,
  })

  if (mode === 'fallback') {
    return result(fallbackScore(prediction, texts).accuracy, false, prediction, texts)
  }
  if (texts.length === 0) {
    throw new InputError(
      'vqa-eval: there are no human answers to score against; the official metric needs ten',
    )
  }
  if (mode === 'aokvqa') {
    return result(directAccuracy(prediction, texts), false, prediction, texts)
  }
  const humans = distinguishHumans(answers)
  const compared = compareAnswers(TEXT_FORMS, prediction, texts, humans, mode)
  return result(compared.accuracy, compared.processed, compared.prediction, compared.answers)
}

/** A-OKVQA: min(1, matches / 3). */
export function directAccuracy<T>(prediction: T, answers: readonly T[]): number {
  return Math.min(1, answers.filter((answer) => answer === prediction).length / 3)
}

/** How texts are cleaned and normalised where T stands for a text. */
export interface TextForms<T> {
  /** The text as the official tool cleans it before it compares: line breaks and tabs as spaces, none at its ends. */
  clean(text: T): T
  /** The text after the official normaliser. */
  normalize(text: T): T
}

const TEXT_FORMS: TextForms<string> = { clean: cleanAnswer, normalize: normalizeAnswer }

/** The official comparison of one question; with mode `always` the normaliser runs in every case. */
export function compareAnswers<T>(
  forms: TextForms<T>,
  prediction: T,
  answers: readonly T[],
  humans: readonly string[] | null,
  mode: 'official' | 'always',
): { accuracy: number; processed: boolean; prediction: T; answers: readonly T[] } {
  let compared = answers.map((answer) => forms.clean(answer))
  const processed = mode === 'always' || compared.some((text) => text !== compared[0])
  if (processed) compared = compared.map((text) => forms.normalize(text))
  const cleaned = forms.clean(prediction)
  const predicted = processed ? forms.normalize(cleaned) : cleaned
  return {
    accuracy: leaveOneOut(predicted, compared, humans),
    processed,
    prediction: predicted,
    answers: compared,
  }
}

export function requireFallbackAllowed(mode: ScoreMode, allowFallback: boolean): void {
  if (mode === 'fallback' && !allowFallback) {
    throw new InputError(
      'vqa-eval: mode fallback is a string match, not the official metric; ask for it with --allow-fallback (allowFallback: true)',
    )
  }
}

/**
 * Mean over i of min(1, matches among the answers that differ from answer i / 3), summed from left to right.
 * Two answers differ if their texts do or their humans do; `humans` null means that all humans differ.
 */
function leaveOneOut<T>(prediction: T, answers: ArrayLike<T>, humans: readonly unknown[] | null): number {
  let matches = 0
  for (let i = 0; i < answers.length; i++) if (answers[i] === prediction) matches++
  let sum = 0
  for (let i = 0; i < answers.length; i++) {
    let others = matches
    if (answers[i] === prediction) {
      others -= 1
      if (humans) {
        for (let j = 0; j < answers.length; j++) {
          if (j !== i && humans[j] === humans[i] && answers[j] === prediction) others--
        }
      }
    }
    sum += Math.min(1, others / 3)
  }
  return sum / answers.length
}

/** Null when no two answer objects agree in all fields but `answer`; else one key per answer. */
export function distinguishHumans(answers: readonly (string | AnswerObject)[]): string[] | null {
  if (haveGrowingIds(answers)) return null
  const keys = answers.map((answer, i) =>
    typeof answer === 'string' ? `#${i}` : canonical({ ...answer, answer: 0 }),
  )
  return new Set(keys).size === keys.length ? null : keys
}

function haveGrowingIds(answers: readonly (string | AnswerObject)[]): boolean {
  let last = -Infinity
  for (const answer of answers) {
    const id = typeof answer === 'string' ? undefined : answer['answer_id']
    if (typeof id !== 'number' || !(id > last)) return false
    last = id
  }
  return true
}

/** Text equal for two JSON values exactly if Python finds them equal: 1, 1.0 and true are one value. */
function canonical(value: unknown): string {
  if (typeof value === 'boolean') return value ? '1' : '0'
  if (typeof value === 'number') return String(Number.isInteger(value) ? BigInt(value) : value)
  if (typeof value === 'bigint') return String(value)
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`
  if (value !== null && typeof value === 'object') {
    const entries = value instanceof Map ? [...value] : Object.entries(value)
    const fields = entries.map(
      ([key, field]: [unknown, unknown]) => `${JSON.stringify(key)}:${canonical(field)}`,
    )
    return `{${fields.sort().join()}}`
  }
  return JSON.stringify(value)
}
