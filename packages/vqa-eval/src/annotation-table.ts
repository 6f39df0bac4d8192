import { InputError } from './errors.ts'
import { createColumn, type Column } from './column.ts'
import { describe } from './describe.ts'
import { createIdList, type IdList } from './id-list.ts'
import { canonicalId, formatId } from './question-id.ts'
import { createTextTable, type TextTable } from './text-table.ts'

/** Stands for a text that a row lacks. */
export const NO_TEXT = -1

/** One annotation as a reader found it; texts are numbers of a TextTable. */
export interface AnnotationRow {
  questionId: unknown
  imageId: unknown
  /** NO_TEXT when absent or not a string. */
  questionType: number
  answerType: number
  /** `multiple_choice_answer`. */
  reference: number
  /** Null when there is no list of answers. */
  answers: readonly number[] | null
  /** Keys of the humans when some answer objects agree in all other fields; null when all differ. */
  humans: readonly string[] | null
  /** Why the answers cannot be scored; thrown only if they are asked for. */
  problem: string | null
  /** A-OKVQA `difficult_direct_answer`. */
  difficult: boolean
}

/** Annotations in columns: M rows, the answers of all rows one after another. */
export interface AnnotationTable {
  /** Names the file in messages. */
  readonly source: string
  readonly texts: TextTable
  readonly questionIds: IdList
  readonly imageIds: IdList
  readonly questionTypes: Column
  readonly answerTypes: Column
  readonly references: Column
  readonly answers: Column
  /** End of the answers of each row; they start where those of the row before end. */
  readonly answerEnds: Column
  readonly humans: Map<number, readonly string[]>
  readonly problems: Map<number, string>
  readonly difficult: Set<number>
  /** Fields of the file beside the annotations, where they are short. */
  readonly header: Map<string, unknown>
}

export function createAnnotationTable(source: string, texts: TextTable = createTextTable()): AnnotationTable {
  return {
    source,
    texts,
    questionIds: createIdList(),
    imageIds: createIdList(),
    questionTypes: createColumn(),
    answerTypes: createColumn(),
    references: createColumn(),
    answers: createColumn(),
    answerEnds: createColumn(),
    humans: new Map(),
    problems: new Map(),
    difficult: new Set(),
    header: new Map(),
  }
}

/** Throws InputError when the row has no id. */
export function addAnnotation(table: AnnotationTable, row: AnnotationRow): void {
  const index = table.questionIds.length
  const questionId = canonicalId(row.questionId)
  if (questionId === undefined) {
    throw new InputError(
      `vqa-eval: ${table.source}: annotations[${index}]: question_id must be an integer or a string, got ${describe(row.questionId)}`,
    )
  }
  table.questionIds.push(questionId)
  table.imageIds.push(canonicalId(row.imageId) ?? null)
  table.questionTypes.push(row.questionType)
  table.answerTypes.push(row.answerType)
  table.references.push(row.reference)
  for (const answer of row.answers ?? []) table.answers.push(answer)
  table.answerEnds.push(table.answers.length)
  if (row.humans) table.humans.set(index, row.humans)
  const problem = row.problem ?? (row.answers ? null : 'answers is missing')
  if (problem !== null) table.problems.set(index, problem)
  if (row.difficult) table.difficult.add(index)
}

export function clearAnnotations(table: AnnotationTable): void {
  const { questionIds, imageIds, questionTypes, answerTypes, references, answers, answerEnds } = table
  for (const list of [questionIds, imageIds, questionTypes, answerTypes, references, answers, answerEnds])
    list.clear()
  table.humans.clear()
  table.problems.clear()
  table.difficult.clear()
}

/** Numbers of the texts of the answers of a row. */
export function answersOf(table: AnnotationTable, row: number): number[] {
  const answers: number[] = []
  const end = table.answerEnds.at(row)
  for (let i = row === 0 ? 0 : table.answerEnds.at(row - 1); i < end; i++) answers.push(table.answers.at(i))
  return answers
}

export function annotationName(table: AnnotationTable, row: number): string {
  return `${table.source}: annotations[${row}] (question ${formatId(table.questionIds.at(row)!)})`
}
