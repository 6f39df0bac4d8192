/**
 * A question about an image with its human answers: a query to ask, or a candidate to show as a demonstration. Ids are
 * those of one dataset; an equal `id` means the same question.
 */
export interface Example {
  /** What pools, pointers, embeddings and data files refer to. As read: the question id when all are integers from 0, else the row. */
  readonly id: number
  readonly questionId: number | string
  /** One for every picture, whatever its files are called; null where nothing says which image it is. */
  readonly imageId: number | string | null
  /** Path of the image file; as read, absolute. Absent when the dataset has no file for it. */
  readonly image?: string
  /** What is known of the image as text: a caption, tags, words that stand in it. In place of an image, or beside it. */
  readonly context?: string
  readonly question: string
  /** All human answers; empty when the dataset was read without annotations. */
  readonly answers: readonly string[]
  /** What it shows as a demonstration: `multiple_choice_answer`, or the most frequent answer, or the correct choice, or ''. */
  readonly answer: string
  readonly questionType?: string
  readonly answerType?: string
  /** The choices of A-OKVQA, and which of them is right. */
  readonly choices?: readonly string[]
  readonly correctChoice?: number
  /** How a prediction is scored; absent: the official accuracy. */
  readonly metric?: 'aokvqa'
}
