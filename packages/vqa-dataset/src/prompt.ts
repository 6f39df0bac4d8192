import type { ScoredAnswer } from '@lever/vqa-eval'
import type { Example } from './example.ts'

/** A question as a model sees it. What its template shows and is not there (`image`, `context`) fails the prompt. */
export interface Query {
  readonly id: number
  /** Path of the image file. */
  readonly image?: string
  /** Text about the image, for templates that show it. */
  readonly context?: string
  readonly question: string
}

/** A solved example as a model sees it, before the query. */
export interface Demonstration extends Query {
  readonly answer: string
}

/** What a model is asked: the demonstrations in the order in which it sees them, then the query. */
export interface Prompt<Shown extends Demonstration = Demonstration, Asked extends Query = Query> {
  readonly demonstrations: readonly Shown[]
  readonly query: Asked
  /** Answers whose log-probabilities are wanted, the most important first. */
  readonly scoreAnswers?: readonly string[]
}

/** A prompt whose answer can be scored: the query comes with its human answers. */
export type ExamplePrompt = Prompt<Example, Example>

/**
 * Whose fault a failed answer is, and so whether asking again can help.
 *
 * - `transient`: the server's or device's (429, 5xx, a response that is cut off or empty); ask again later
 * - `refused`: the model or its server declines this prompt (a refusal, a content filter); final
 * - `prompt`: the prompt's own (an unreadable image, more tokens than the context holds); final
 */
export type FailureKind = 'transient' | 'refused' | 'prompt'

/** What a model answered. */
export interface Answer {
  /** Post-processed. */
  readonly text: string
  /** What the model wrote, without the end token. */
  readonly raw?: string
  /** In the order of `scoreAnswers`; absent when none were asked for or the prompt failed. */
  readonly scores?: readonly ScoredAnswer[]
  /** Why there is no answer, for example an image that cannot be read; `text` and `raw` are empty then. */
  readonly error?: string
  /** Whose fault `error` is; an error without a kind counts as `prompt`. */
  readonly kind?: FailureKind
}
