import { InputError } from '@lever/durable-files/input-error'
import { NO_TEXT } from './annotation-table.ts'
import { createColumn, type Column } from './column.ts'
import { describe } from './describe.ts'
import { createIdList, type IdList } from './id-list.ts'
import { canonicalId, formatId } from './question-id.ts'

/** Predictions in columns, in the order of the file. */
export interface ResultTable {
  /** Names the file in messages. */
  readonly source: string
  readonly questionIds: IdList
  /** Number of the text of each prediction, NO_TEXT where it cannot be scored. */
  readonly answers: Column
  /** Line of each row of a JSONL file; empty for other files. */
  readonly lines: Column
  /** Why the prediction of a row cannot be scored; thrown only if the row is scored. */
  readonly problems: Map<number, string>
}

export interface ResultRow {
  questionId: unknown
  /** NO_TEXT when absent or not a string. */
  answer: number
  problem: string | null
}

export function createResultTable(source: string): ResultTable {
  return {
    source,
    questionIds: createIdList(),
    answers: createColumn(),
    lines: createColumn(),
    problems: new Map(),
  }
}

/** Throws InputError when the row has no id. */
export function addResult(table: ResultTable, row: ResultRow): void {
  const index = table.questionIds.length
  const id = canonicalId(row.questionId)
  if (id === undefined) {
    const found = row.questionId === undefined ? 'missing' : describe(row.questionId)
    throw new InputError(
      `vqa-eval: ${rowName(table, index)}: question_id must be an integer or a string, it is ${found}`,
    )
  }
  table.questionIds.push(id)
  table.answers.push(row.answer)
  if (row.answer === NO_TEXT)
    table.problems.set(index, row.problem ?? 'answer is missing; it must be a string')
}

export function clearResults(table: ResultTable): void {
  table.questionIds.clear()
  table.answers.clear()
  table.lines.clear()
  table.problems.clear()
}

export function resultName(table: ResultTable, row: number): string {
  return `${rowName(table, row)} (question ${formatId(table.questionIds.at(row)!)})`
}

function rowName(table: ResultTable, row: number): string {
  return row < table.lines.length
    ? `${table.source}: line ${table.lines.at(row)}`
    : `${table.source}: results[${row}]`
}
