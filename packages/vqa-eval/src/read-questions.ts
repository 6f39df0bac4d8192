import {
  decodeString,
  enterArray,
  enterObject,
  keys,
  nextField,
  nextItem,
  peek,
  readKey,
  scanString,
  type Cursor,
  readValue,
  skipValue,
} from '@lever/json-text'
import { streamRows, type RowHandler, type StreamOptions } from '@lever/json-text/node'
import { InputError } from '@lever/durable-files/input-error'
import { describe } from './describe.ts'
import { canonicalId } from './question-id.ts'
import type { QuestionTable } from './question-table.ts'
import { readHeaderField, readText } from './read-annotations.ts'
import { createTextTable, type TextTable } from './text-table.ts'

const ROW = keys('image_id', 'question', 'question_id', 'multiple_choices')

export interface ReadQuestionsOptions extends StreamOptions {
  readonly texts?: TextTable
  /** Whether to keep the texts of the questions and their images too. Default true. */
  readonly keepTexts?: boolean
}

/**
 * Reads a questions file (VQA v1, v2, OK-VQA, or the list of A-OKVQA).
 * @throws InputError if it is not one
 */
export async function readQuestions(
  path: string,
  { texts = createTextTable(), keepTexts = true, ...options }: ReadQuestionsOptions = {},
): Promise<QuestionTable> {
  const table: QuestionTable = {
    source: path,
    isList: false,
    questionIds: [],
    imageIds: [],
    questions: [],
    choices: new Map(),
    header: new Map(),
  }
  const state = { found: false }
  const handler: RowHandler = {
    list: 'questions',
    layout(first) {
      table.isList = first === '['
      return table.isList ? 'array' : 'object'
    },
    begin() {
      state.found = true
      table.questionIds.length = table.imageIds.length = table.questions.length = 0
      table.choices.clear()
    },
    row: (c, index) => readQuestion(c, index, table, texts, keepTexts),
    field: (c, name) => readHeaderField(c, name, table.header),
  }
  await streamRows(path, handler, options)
  if (!state.found)
    throw new InputError(`vqa-eval: ${path}: it has no list "questions"; is it a questions file of VQA?`)
  return table
}

function readQuestion(
  c: Cursor,
  place: number,
  table: QuestionTable,
  texts: TextTable,
  keepTexts: boolean,
): void {
  const row: { id?: unknown; imageId?: unknown; question?: string; choices?: number[] } = {}
  let index = -1
  for (let more = enterObject(c); more; more = nextField(c)) {
    index = readKey(c, ROW, index + 1)
    if (index === 0) row.imageId = readValue(c)
    else if (index === 2) row.id = readValue(c)
    else if (index === 1 && keepTexts && peek(c) === 0x22) {
      scanString(c)
      row.question = decodeString(c)
    } else if (index === 3 && peek(c) === 0x5b) {
      row.choices = []
      for (let item = enterArray(c); item; item = nextItem(c)) row.choices.push(readText(c, texts))
    } else skipValue(c)
  }
  const name = `vqa-eval: ${table.source}: questions[${place}]`
  const id = canonicalId(row.id)
  if (id === undefined) {
    throw new InputError(`${name}: question_id must be an integer or a string, got ${describe(row.id)}`)
  }
  if (keepTexts) {
    if (row.question === undefined) throw new InputError(`${name}: question must be a string`)
    table.questions.push(row.question)
    table.imageIds.push(canonicalId(row.imageId) ?? null)
  }
  table.questionIds.push(id)
  if (row.choices) table.choices.set(id, row.choices)
}
