/**
 * A solved question: one of the pool, or the query whose answers are known to the score. `VqaExample` of
 * `@lever/vqa-eval` is one. Ids are global: an equal id means the same question.
 */
export interface Example {
  readonly id: number
  readonly imageId?: number | string | null
  /** Path of the image. */
  readonly image?: string
  readonly question: string
  /** The answer shown when this example is a demonstration. */
  readonly answer: string
  /** The human answers. */
  readonly answers: readonly string[]
  readonly questionType?: string
  readonly answerType?: string
}

/** A question with its demonstrations in the order in which the model sees them, the last next to the query. */
export interface Prompt {
  readonly demonstrations: readonly Example[]
  readonly query: Example
}

/** What a model answered. `error` says that there is no answer, for example because an image cannot be read. */
export interface Answered {
  readonly text: string
  readonly error?: string
}

/** Asks a model; one result per prompt, in order. */
export type Answer = (
  prompts: readonly Prompt[],
  options: { readonly signal?: AbortSignal },
) => Promise<readonly Answered[]>

/** How an accuracy was computed: the official metric, the flagged fallback, or not at all. */
export type ScoreMode = 'file' | 'fallback' | 'error'

/** Scores an answer; accuracy in 0..1. */
export type Score = (
  prediction: string,
  example: Example,
) => { readonly accuracy: number; readonly mode: 'file' | 'fallback' }

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
  readonly mode: ScoreMode
  readonly questionType?: string
  readonly answerType?: string
  readonly error?: string
}
