import { InputError } from '@lever/durable-files/input-error'
import { createColumn, type Column } from './column.ts'
import { describe } from './describe.ts'
import { createIdList, type IdList } from './id-list.ts'
import { canonicalId, formatId, type QuestionId } from './question-id.ts'
import type { TextTable } from './text-table.ts'

/** Marks a text that a row lacks. */
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

/** Takes annotations one by one, in the order of the file. */
export interface AnnotationSink {
  add(row: AnnotationRow, questionId: QuestionId): void
  /** Forgets all rows: the list begins anew. */
  clear(): void
}

/** Annotations in columns, without their answers, which only the sinks see: those would be most of the memory. */
export interface AnnotationTable extends AnnotationSink {
  /** Names the file in messages. */
  readonly source: string
  readonly texts: TextTable
  readonly questionIds: IdList
  readonly imageIds: IdList
  readonly questionTypes: Column
  readonly answerTypes: Column
  /** Why the answers of a row cannot be scored; thrown only if they are asked for. */
  readonly problems: Map<number, string>
  readonly difficult: Set<number>
  /** Fields of the file beside the annotations: strings as they are, others as undefined. */
  readonly header: Map<string, unknown>
}

export function createAnnotationTable(source: string, texts: TextTable): AnnotationTable {
  const table = {
    source,
    texts,
    questionIds: createIdList(),
    imageIds: createIdList(),
    questionTypes: createColumn(),
    answerTypes: createColumn(),
    problems: new Map<number, string>(),
    difficult: new Set<number>(),
    header: new Map<string, unknown>(),
  }
  return {
    ...table,
    add(row, questionId) {
      const index = table.questionIds.length
      table.questionIds.push(questionId)
      table.imageIds.push(canonicalId(row.imageId) ?? null)
      table.questionTypes.push(row.questionType)
      table.answerTypes.push(row.answerType)
      if (row.problem !== null) table.problems.set(index, row.problem)
      else if (!row.answers) table.problems.set(index, 'answers is missing')
      if (row.difficult) table.difficult.add(index)
    },
    clear() {
      const { questionIds, imageIds, questionTypes, answerTypes, problems, difficult } = table
      for (const list of [questionIds, imageIds, questionTypes, answerTypes, problems, difficult])
        list.clear()
    },
  }
}

/** Gives a row to the table and to other sinks. Throws InputError when it has no id. */
export function addAnnotation(
  table: AnnotationTable,
  row: AnnotationRow,
  sinks: readonly AnnotationSink[] = [],
): void {
  const questionId = canonicalId(row.questionId)
  if (questionId === undefined) {
    const place = `${table.source}: annotations[${table.questionIds.length}]`
    const found = describe(row.questionId)
    throw new InputError(`vqa-eval: ${place}: question_id must be an integer or a string, got ${found}`)
  }
  table.add(row, questionId)
  for (const sink of sinks) sink.add(row, questionId)
}

export function annotationName(table: AnnotationTable, row: number): string {
  return `${table.source}: annotations[${row}] (question ${formatId(table.questionIds.at(row)!)})`
}
