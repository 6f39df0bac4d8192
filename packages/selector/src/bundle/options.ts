import type { PoolMethodName } from '@lever/rl-generate'
import type { StaticReward } from '@lever/icl-eval'
import type { Embeddings } from '@lever/tensor-files'
import type { Dataset } from '@lever/vqa-dataset'
import type { EmbedderName, PromptTemplate, TemplateName } from '@lever/vqa-model'
import type { OptionNames } from '@lever/durable-files/known-options'
import type { SelectorChoice } from '../engine/baselines.ts'
import type { BundledEvaluation } from './manifest.ts'

/** Examples from which an index is worth its making: below it every row is compared in a few milliseconds. */
export const INDEX_FROM = 50_000

/** What a bundle is made of, and its folder. */
export interface WriteBundleOptions {
  /** Folder of the bundle; there must be none yet. */
  readonly out: string
  /** What demonstrations come from. */
  readonly dataset: Pick<Dataset, 'name' | 'split' | 'hash' | 'examples'>
  /** Of all its examples. */
  readonly embeddings: Embeddings
  /** The embedder that made them, and the folder or id of its model. */
  readonly embedder: EmbedderName
  /** Folder of the model of `embedder`, or its id on the Hub. */
  readonly embedderModel: string
  /** Path of a checkpoint; left out for a bundle of a baseline alone. */
  readonly policy?: string | undefined
  /** `policy`, or the name of a baseline. Default what training chose: the policy, or the floor that it did not reach. */
  readonly selector?: SelectorChoice | undefined
  /**
   * Files of RL data whose main effects `static` chooses by. Default what the training of the policy found, where that is
   * its floor.
   */
  readonly staticData?: readonly string[] | undefined
  /** What main effects are estimated from. Default the expected accuracy, where it was measured. */
  readonly staticReward?: StaticReward | undefined
  /** Default that of the policy's data. */
  readonly poolMethod?: PoolMethodName | undefined
  /** Path of the checkpoint that searches the library, for pool method `learned`. */
  readonly poolPolicy?: string | undefined
  /** N. Default that of the policy's data, else 64. */
  readonly poolSize?: number | undefined
  /** Seed of pools and of random draws. Default that of the policy's data, else 0. */
  readonly seed?: number | undefined
  /** K where none is asked for. */
  readonly shots: number
  /** A template, or the name of one. Default that of the evaluation, else the one of the embedder's model. */
  readonly template?: PromptTemplate | TemplateName | undefined
  /** What an evaluation found (`readEvaluation`), for readers of the bundle and for its template. Default none. */
  readonly evaluation?: BundledEvaluation | null | undefined
  /** Licences of what the bundle holds, as texts for its readers. Default none. */
  readonly licences?: readonly string[] | undefined
  /** Copy the image files. Default true. */
  readonly includeImages?: boolean
  /** Make a small picture of every image. Default true. */
  readonly thumbnails?: boolean
  /** Copy the model of the embedder. Default true. */
  readonly includeEmbedder?: boolean
  /** An index of the embeddings. Default from {@link INDEX_FROM} examples on. */
  readonly index?: boolean | undefined
  /** Threads that make the index. Default 1: then the same inputs give the same bytes. */
  readonly indexThreads?: number
  /** Called as images are copied and an index is made. */
  readonly onProgress?: (stage: 'images' | 'index', done: number, total: number) => void
  /** Receives one line where something was chosen that a reader should know of. */
  readonly onNotice?: (notice: string) => void
  /** Ends the writing; what is there is kept beside `out`, and the same call continues. */
  readonly signal?: AbortSignal | undefined
}

export const WRITE_BUNDLE_OPTIONS: OptionNames<WriteBundleOptions> = {
  staticData: true,
  staticReward: true,
  poolPolicy: true,
  out: true,
  dataset: true,
  embeddings: true,
  embedder: true,
  embedderModel: true,
  policy: true,
  selector: true,
  poolMethod: true,
  poolSize: true,
  seed: true,
  shots: true,
  template: true,
  evaluation: true,
  licences: true,
  includeImages: true,
  thumbnails: true,
  includeEmbedder: true,
  index: true,
  indexThreads: true,
  onProgress: true,
  onNotice: true,
  signal: true,
}
