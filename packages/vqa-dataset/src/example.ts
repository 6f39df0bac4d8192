/** How a dataset lies on disk. */
export type DatasetForm = 'official' | 'aokvqa' | 'lines' | 'parquet'

/** A question with its human answers and its image. */
export interface VqaExample {
  /** The question id when all ids of the dataset are integers from 0, else the row. */
  readonly id: number
  readonly questionId: number | string
  readonly imageId: number | string
  /** Absolute path; absent when no image folder was given or the file is not there. */
  readonly image?: string
  readonly question: string
  /** Empty when the dataset was read without annotations. */
  readonly answers: readonly string[]
  /** `multiple_choice_answer`, or the most frequent answer, or the correct choice, or ''. */
  readonly answer: string
  readonly questionType: string
  readonly answerType: string
  /** The choices of A-OKVQA, and which of them is right. */
  readonly choices?: readonly string[]
  readonly correctChoice?: number
  /** How a prediction is scored; absent: the official accuracy. */
  readonly metric?: 'aokvqa'
}

export interface VqaDataset {
  readonly form: DatasetForm
  readonly name: string
  /** As given, or as the file or its name says: `val2014`. */
  readonly split: string
  /** In the order of the questions. */
  readonly examples: readonly VqaExample[]
  /** sha256 of the bytes of its files: questions then annotations, or all shards in order. */
  readonly hash: string
  /** Number of examples whose image file was not found; 0 when no image folder was given. */
  readonly missingImages: number
  /** What a reader should know: missing images with their ids, questions left out, shards that are not there. */
  readonly notices: readonly string[]
}
