import type { Example } from './example.ts'

/** Where rows stand in their files. */
export interface Places {
  readonly unit: 'line' | 'questions' | 'row'
  /** Absent: row i stands at i. */
  readonly at?: readonly number[]
}

/** `line 3` or `questions[2]`. */
export function placeOf({ unit, at }: Places, row: number): string {
  const place = at?.[row] ?? row
  return unit === 'questions' ? `questions[${place}]` : `${unit} ${place}`
}

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
  readonly places: Places
  readonly notices: readonly string[]
}
