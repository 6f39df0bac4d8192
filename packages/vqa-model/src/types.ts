import type { Protocol } from './protocol.ts'

/** A solved example that is shown before the question. */
export interface Demonstration {
  id: number
  /** path of the image file */
  image: string
  question: string
  answer: string
}

/** One thing to ask: demonstrations in the order in which the model sees them, then the query. */
export interface VqaPrompt {
  demonstrations: readonly Demonstration[]
  query: { id: number; image: string; question: string }
  /** answers whose log-probability is wanted, most important first */
  scoreAnswers?: readonly string[]
}

/**
 * log p(answer, end token | prompt) under the model, natural logarithm, summed over `tokens`
 * tokens (the closing end token is one of them).
 */
export interface AnswerScore {
  answer: string
  logProb: number
  tokens: number
}

/**
 * Whose fault a failed answer is, and so whether asking again can help.
 *
 * - `transient`: the server's or device's (429, 5xx, a response that is cut off or empty); ask again later
 * - `refused`: the model or its server declines this prompt (a refusal, a content filter); final
 * - `prompt`: the prompt's own (an unreadable image, more tokens than the context holds); final
 */
export type FailureKind = 'transient' | 'refused' | 'prompt'

export interface VqaAnswer {
  /** post-processed answer */
  text: string
  /** what the model wrote, without the end token */
  raw: string
  /** in the order of `scoreAnswers`; absent when none were asked for or the outcome failed */
  scores?: readonly AnswerScore[]
  /** why this outcome failed (an unreadable image, say); `text` and `raw` are empty then */
  error?: string
  /** whose fault `error` is; an error without a kind counts as `prompt` */
  kind?: FailureKind
}

export interface AnswerOptions {
  signal?: AbortSignal
  /** called with the number of prompts that are done */
  onProgress?: (done: number) => void
  /**
   * Only the scores of `scoreAnswers` are wanted: nothing is decoded, `text` and `raw` are empty. A call gives
   * the same scores to the last digit whatever the number of workers.
   */
  scoresOnly?: boolean
}

/** Counts since the model was opened. */
export interface VqaModelStats {
  prompts: number
  /** tokens that went through the decoder before an answer began, padding not counted */
  prefillTokens: number
  /** rows x steps after the first token of an answer */
  decodeSteps: number
  /** decoder runs of any kind */
  decoderRuns: number
  imageEncodes: number
  /** uses of an image that did not need an encode */
  imageCacheHits: number
  /** answers that were repeated one by one because two tokens were nearly equal */
  nearTies: number
  /** outcomes with `error` */
  failed: number
  /** largest size of the key-value caches alive at one time, one worker */
  peakKvBytes: number
  /** requests to a server that were sent again */
  retries: number
}

/** Which model answers, and by what rules. */
export interface ModelProtocol {
  readonly name: string
  readonly protocol: Protocol
  readonly protocolHash: string
}

/** How a model is best called. */
export interface CallHints {
  /** Prompts of one call share work, so that large calls are faster; if false, a call should hold one prompt. */
  readonly sharesWork: boolean
  /** Calls that it works on at one time. */
  readonly concurrency: number
}

export interface VqaModel extends ModelProtocol {
  readonly calls: CallHints
  /**
   * Answers in the order of the prompts. What is wrong with one prompt (an image that cannot be
   * read) fails that outcome, not the call.
   *
   * @throws the signal's reason when aborted; Error after `close`; RangeError when `scoresOnly` is asked of a
   * prompt without answers to score
   */
  answer(prompts: readonly VqaPrompt[], options?: AnswerOptions): Promise<VqaAnswer[]>
  stats(): VqaModelStats
  /** Frees sessions and threads; a second call does nothing. */
  close(): Promise<void>
}
