import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import { splitWords, strip } from './python-text.ts'

/** How strings are matched. */
export interface FallbackOptions {
  /** Score exactly as the original project does, holes included: '' is in every answer, "no" in "snow". Default false. */
  readonly compatible?: boolean
}

export const FALLBACK_OPTIONS: OptionNames<FallbackOptions> = { compatible: true }

/** What the string matcher says; not the official metric. */
export interface FallbackScore {
  readonly correct: boolean
  /** 1 for an exact match, 0.5 for containment, else 0. */
  readonly accuracy: number
}

/**
 * String match for questions without ten human answers. It is not the official metric: one agreeing answer gives 1.
 * Case and outer whitespace do not count. 1 if the prediction equals an answer; 0.5 if the words of one stand, whole
 * and in order, inside the other; else 0. An empty prediction and empty answers match nothing.
 */
export function fallbackScore(
  prediction: string | null | undefined,
  answers: readonly string[],
  options: FallbackOptions = {},
): FallbackScore {
  refuseUnknownOptions(options, FALLBACK_OPTIONS, 'vqa-eval: fallbackScore')
  const { compatible = false } = options
  const text = strip((prediction ?? '').toLowerCase())
  const truths = answers.map((answer) => strip(answer.toLowerCase()))
  const accuracy = compatible ? originalScore(text, truths) : wholeWordScore(text, truths)
  return { correct: accuracy > 0, accuracy }
}

function originalScore(text: string, truths: readonly string[]): number {
  if (truths.includes(text)) return 1
  return truths.some((truth) => truth.includes(text) || text.includes(truth)) ? 0.5 : 0
}

function wholeWordScore(text: string, truths: readonly string[]): number {
  if (text !== '' && truths.includes(text)) return 1
  const prediction = words(text)
  if (prediction === '') return 0
  const known = truths.map(words).filter((truth) => truth !== '')
  if (known.includes(prediction)) return 1
  return known.some((truth) => contains(truth, prediction) || contains(prediction, truth)) ? 0.5 : 0
}

function words(text: string): string {
  return splitWords(text.replace(/[^\p{L}\p{N}\p{M}'’\s]/gu, ' ')).join(' ')
}

function contains(text: string, part: string): boolean {
  return ` ${text} `.includes(` ${part} `)
}
