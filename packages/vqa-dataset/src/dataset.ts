import type { Example } from './example.ts'
import type { DatasetForm } from './format-of.ts'

export interface Dataset {
  readonly form: DatasetForm
  readonly name: string
  /** As given, or as the file or its name says: `val2014`. */
  readonly split: string
  /** In the order of the questions. */
  readonly examples: readonly Example[]
  /** sha256 of the bytes of its files: questions then annotations, or all shards in order. */
  readonly hash: string
  /** Number of examples whose image file was not found; 0 when no image folder was given. */
  readonly missingImages: number
  /** What a reader should know: missing images with their ids, questions left out, shards that are not there. */
  readonly notices: readonly string[]
}
