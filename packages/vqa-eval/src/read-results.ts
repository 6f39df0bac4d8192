import {
  enterObject,
  keys,
  nextField,
  peek,
  readKey,
  scanString,
  type Cursor,
  readValue,
  skipValue,
} from '@lever/json-text'
import { streamRows, type Layout, type RowHandler, type StreamOptions } from '@lever/json-text/node'
import { InputError } from '@lever/durable-files/input-error'
import { NO_TEXT } from './annotation-table.ts'
import { describe } from './describe.ts'
import {
  addResult,
  clearResults,
  createResultTable,
  type ResultRow,
  type ResultTable,
} from './result-table.ts'
import type { TextTable } from './text-table.ts'

const ROW = keys('question_id', 'answer', 'direct_answer')

const NOT_A_LIST = 'results is not an array of objects'

export interface ReadResultsOptions extends StreamOptions {
  /** The table of the annotations, so that equal texts are equal numbers. */
  readonly texts: TextTable
  /** Read `{id: answer}` and `{id: {direct_answer}}`, the layout of A-OKVQA predictions. Default false. */
  readonly keyed?: boolean
}

/**
 * Reads predictions: a JSON array of `{question_id, answer}`, or JSONL of the same. Other fields are ignored.
 *
 * @throws InputError if the file is neither
 */
export async function readResults(
  path: string,
  { texts, keyed = false, ...options }: ReadResultsOptions,
): Promise<ResultTable> {
  const table = createResultTable(path)
  const isJsonl = /\.(jsonl|ndjson)$/i.test(path)
  const state: { layout: Layout } = { layout: 'array' }
  const handler: RowHandler = {
    list: '',
    layout(first) {
      state.layout = first === '[' ? 'array' : keyed && !isJsonl ? 'object' : 'lines'
      return state.layout
    },
    begin: () => clearResults(table),
    row(c, where) {
      const row = readResult(c, texts)
      const isFirstOfJson = state.layout === 'lines' && !isJsonl && table.questionIds.length === 0
      if (isFirstOfJson && row.questionId === undefined) throw notAList(path)
      if (state.layout === 'lines') table.lines.push(where)
      addResult(table, row)
    },
    field(c, name) {
      addResult(table, { ...readKeyed(c, texts), questionId: name })
    },
  }
  await streamRows(path, handler, options)
  if (state.layout === 'lines' && !isJsonl && table.questionIds.length === 1) throw notAList(path)
  return table
}

function notAList(path: string): InputError {
  return new InputError(
    `${NOT_A_LIST} (vqa-eval: ${path}; expected [{"question_id": 1, "answer": "yes"}, ...], or one object a line in a .jsonl file)`,
  )
}

function readResult(c: Cursor, texts: TextTable): ResultRow {
  const row: ResultRow = { questionId: undefined, answer: NO_TEXT, problem: null }
  if (peek(c) !== 0x7b) {
    row.problem = describe(readValue(c))
    return row
  }
  let hasAnswer = false
  let index = -1
  for (let more = enterObject(c); more; more = nextField(c)) {
    index = readKey(c, ROW, index + 1)
    if (index === 0) row.questionId = readValue(c)
    else if (index === 1) {
      hasAnswer = true
      readAnswer(c, texts, row, 'answer')
    } else if (!hasAnswer && index === 2) readAnswer(c, texts, row, 'direct_answer')
    else skipValue(c)
  }
  return row
}

function readKeyed(c: Cursor, texts: TextTable): ResultRow {
  if (peek(c) === 0x7b) return readResult(c, texts)
  const row: ResultRow = { questionId: undefined, answer: NO_TEXT, problem: null }
  readAnswer(c, texts, row, 'the prediction')
  return row
}

function readAnswer(c: Cursor, texts: TextTable, row: ResultRow, field: string): void {
  row.answer = NO_TEXT
  row.problem = null
  if (peek(c) === 0x22) {
    scanString(c)
    row.answer = texts.idAt(c)
  } else {
    row.problem = `${field} must be a string, got ${describe(readValue(c))}`
  }
}
