import type { Answer, Demonstration, Prompt, Query } from '@lever/vqa-dataset'
import type { Protocol } from './protocol.ts'

export type { ScoredAnswer } from '@lever/vqa-eval'
export type { Answer, Demonstration, ExamplePrompt, FailureKind, Prompt, Query } from '@lever/vqa-dataset'

/** A prompt of which every image is there. */
export type PromptWithImages = Prompt<
  Demonstration & { readonly image: string },
  Query & { readonly image: string }
>

/** What of a call may be left out or ended. */
export interface AnswerOptions {
  /** ends the call: prompts that are not begun are left, and its reason is thrown */
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

/** What of every example a model is shown besides its question. */
export interface Needs {
  readonly image: boolean
  readonly context: boolean
}

/** Which model answers, and by what rules. */
export interface ModelProtocol {
  readonly name: string
  readonly protocol: Protocol
  readonly protocolHash: string
  /** What its prompts show. `either`: an image or a context, whichever is there. */
  readonly needs: Needs | 'either'
}

/** How a model is best called. */
export interface CallHints {
  /** Prompts of one call share work, so that large calls are faster; if false, a call should hold one prompt. */
  readonly sharesWork: boolean
  /** Calls that it works on at one time. */
  readonly concurrency: number
}

/** An open VQA model. Close it. */
export interface VqaModel extends ModelProtocol {
  readonly calls: CallHints
  /**
   * Answers in the order of the prompts. What is wrong with one prompt (an image that is missing or cannot be
   * read) fails that outcome, not the call.
   *
   * @throws the signal's reason when aborted; Error after `close`; RangeError when `scoresOnly` is asked of a
   * prompt without answers to score
   */
  answer(prompts: readonly Prompt[], options?: AnswerOptions): Promise<Answer[]>
  /** Counts since the model was opened. */
  stats(): VqaModelStats
  /** Frees sessions and threads; a second call does nothing. */
  close(): Promise<void>
}

/** A model as a backend opens it; `openVqaModel` fails prompts for it that lack what it shows. */
export type BackendModel = VqaModel
