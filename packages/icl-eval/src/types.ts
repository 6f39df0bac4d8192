import type { Answer, Example, ExamplePrompt } from '@lever/vqa-dataset'
import type { Score } from '@lever/vqa-eval'

export type { Answer, Example, ExamplePrompt } from '@lever/vqa-dataset'

/** Asks a model; one result per prompt, in order. */
export type AnswerFunction = (
  prompts: readonly ExamplePrompt[],
  options: { readonly signal?: AbortSignal },
) => Promise<readonly Answer[]>

/** How an accuracy was computed: the official metric, the flagged fallback, or not at all. */
export type ScoreMode = Score['mode'] | 'error'

/** Scores an answer; accuracy in 0..1. */
export type ScoreFunction = (prediction: string, example: Example) => Pick<Score, 'accuracy' | 'mode'>

/** One answer of one selector: a line of `per-question.jsonl`. */
export interface EvaluationRow {
  readonly query: number
  readonly image: number | string | null
  readonly selector: string
  readonly shots: number
  /** Null when the selector does not depend on a seed. */
  readonly seed: number | null
  /** Ids in prompt order, the last next to the query. */
  readonly demonstrations: readonly number[]
  readonly answer: string
  /** 0..1; null when the answer failed. */
  readonly accuracy: number | null
  /** Expected accuracy E of the prompt, 0..1; null when it failed, missing where it was not measured. */
  readonly expected?: number | null
  readonly mode: ScoreMode
  /** Prompts that the answer took; missing where it is one. */
  readonly prompts?: number
  readonly questionType?: string
  readonly answerType?: string
  readonly error?: string
}
