import type { Example } from './example.ts'
import type { Places } from './joined.ts'
import type { DatasetForm } from './format-of.ts'

/** A picture that lies there more than once. */
export interface SameImage {
  /** The id that all its examples have. */
  readonly imageId: number | string
  /** Files of equal bytes, two or more. */
  readonly paths: readonly string[]
}

/** Questions with their images and answers, from files of any form. */
export interface Dataset {
  readonly form: DatasetForm
  readonly name: string
  /** As given, or as the file or its name says: `val2014`. */
  readonly split: string
  /** In the order of the questions. */
  readonly examples: readonly Example[]
  /** sha256 of the bytes of its files: questions then annotations, or all shards in order. */
  readonly hash: string
  /** Number of examples whose image file was not found; 0 when no image folder was given, or when contexts stand in their place. */
  readonly missingImages: number
  /** By the id of an example whose image was not found: its path as the dataset gives it. */
  readonly missingFiles?: ReadonlyMap<number, string>
  /** Pictures that lie there under several names; absent when there are none. */
  readonly sameImages?: readonly SameImage[]
  /** What a reader should know: missing images with their ids, questions left out, shards that are not there. */
  readonly notices: readonly string[]
  /** Path of the questions. */
  readonly source?: string
  /** Where each example stands in it. */
  readonly places?: Places
}
