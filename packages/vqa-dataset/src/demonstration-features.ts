import { normalizeAnswer } from '@lever/vqa-eval'
import type { Example } from './example.ts'

/** What of a demonstration says how good it is for any query: each is 0..1. */
interface DemonstrationFeature {
  readonly name: string
  readonly of: (example: Pick<Example, 'question' | 'answer' | 'context'>) => number
}

const YES_NO = new Set(['yes', 'no'])
const LONG_ANSWER_WORDS = 4
const LONG_ANSWER_LETTERS = 24

const words = (text: string): readonly string[] =>
  normalizeAnswer(text).toLowerCase().split(/\s+/).filter(Boolean)

/** Do the words of the answer stand one after the other in a text? */
function stands(answer: string, text: string | undefined): number {
  const [wanted, given] = [words(answer), words((text ?? '').replaceAll(/[^\p{L}\p{N}' ]+/gu, ' '))]
  return wanted.length > 0 && ` ${given.join(' ')} `.includes(` ${wanted.join(' ')} `) ? 1 : 0
}

/**
 * The columns that describe a demonstration by itself, with no query in sight.
 * - `yes-no`, `number`: the type of its answer; neither is any other.
 * - `words`, `letters`: the length of its answer, min(1, n / 4) and min(1, n / 24).
 * - `in-question`, `in-context`: whether the answer stands in its question, in the text that stands for its image.
 */
const FEATURES: readonly DemonstrationFeature[] = [
  { name: 'yes-no', of: ({ answer }) => (YES_NO.has(words(answer).join(' ')) ? 1 : 0) },
  { name: 'number', of: ({ answer }) => (/^[\d.,]+$/.test(words(answer).join(' ')) ? 1 : 0) },
  { name: 'words', of: ({ answer }) => Math.min(1, words(answer).length / LONG_ANSWER_WORDS) },
  { name: 'letters', of: ({ answer }) => Math.min(1, answer.trim().length / LONG_ANSWER_LETTERS) },
  { name: 'in-question', of: ({ answer, question }) => stands(answer, question) },
  { name: 'in-context', of: ({ answer, context }) => stands(answer, context) },
]

/** The names of the columns of {@link demonstrationFeatures}, in their order. */
export const DEMONSTRATION_FEATURES: readonly string[] = FEATURES.map(({ name }) => name)

/**
 * What a demonstration is like, whatever the query: a value in 0..1 for each of {@link DEMONSTRATION_FEATURES}. They
 * depend on its answer and so must never be taken of a query.
 */
export function demonstrationFeatures(
  example: Pick<Example, 'question' | 'answer' | 'context'>,
): Float64Array {
  return Float64Array.from(FEATURES, ({ of }) => of(example))
}
