import type { Example } from './example.ts'

/** A question joined with its answers, before its image is looked up. */
export interface JoinedRow extends Omit<Example, 'id' | 'image' | 'metric'> {
  readonly imageId: number | string
  readonly questionType: string
  readonly answerType: string
  /** Path of the image as the dataset has it, when it names one. */
  readonly image?: string
  /** A-OKVQA: not meant for direct answers. */
  readonly difficult?: boolean
}

/** A dataset before images are looked up: what the cache keeps. */
export interface Joined {
  readonly metric: 'official' | 'aokvqa'
  readonly name: string
  readonly split: string
  readonly rows: readonly JoinedRow[]
  readonly notices: readonly string[]
}
