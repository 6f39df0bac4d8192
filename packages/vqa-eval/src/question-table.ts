import type { QuestionId } from './question-id.ts'

/** A questions file in columns; texts and images are empty when the reader was told to leave them out. */
export interface QuestionTable {
  readonly source: string
  /** Whether the file is a bare list, as that of A-OKVQA. */
  isList: boolean
  readonly questionIds: QuestionId[]
  readonly imageIds: (QuestionId | null)[]
  readonly questions: string[]
  /** VQA v1: the choices of each question; numbers of texts. */
  readonly choices: Map<QuestionId, readonly number[]>
  /** Fields of the file beside the questions: strings as they are, others as undefined. */
  readonly header: Map<string, unknown>
}
