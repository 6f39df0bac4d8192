import {
  enterArray,
  enterObject,
  fail,
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
import {
  addAnnotation,
  createAnnotationTable,
  NO_TEXT,
  type AnnotationRow,
  type AnnotationSink,
  type AnnotationTable,
} from './annotation-table.ts'
import { describe } from './describe.ts'
import { distinguishHumans, type AnswerObject } from './score.ts'
import { createTextTable, type TextTable } from './text-table.ts'

const ROW = keys(
  'question_id',
  'image_id',
  'question_type',
  'answer_type',
  'multiple_choice_answer',
  'answers',
  'direct_answers',
  'difficult_direct_answer',
)
const ANSWER = keys('answer', 'answer_confidence', 'answer_id')

export interface ReadAnnotationsOptions extends StreamOptions {
  readonly texts?: TextTable
  /** Receive every row with its answers, which the table does not keep. */
  readonly sinks?: readonly AnnotationSink[]
}

/**
 * Reads an annotation file row by row: the official layout of VQA v1, v2 and OK-VQA, or the list of A-OKVQA
 * (field `direct_answers`).
 *
 * @throws InputError if the file is not such a file
 */
export async function readAnnotations(
  path: string,
  { texts = createTextTable(), sinks = [], ...options }: ReadAnnotationsOptions = {},
): Promise<AnnotationTable> {
  const table = createAnnotationTable(path, texts)
  const state = { found: false }
  const handler: RowHandler = {
    list: 'annotations',
    layout: (first) => (first === '[' ? 'array' : 'object'),
    begin() {
      state.found = true
      for (const sink of [table, ...sinks]) sink.clear()
    },
    row: (c) => addAnnotation(table, readAnnotation(c, texts), sinks),
    field: (c, name) => readHeaderField(c, name, table.header),
  }
  await streamRows(path, handler, options)
  if (!state.found)
    throw new InputError(`vqa-eval: ${path}: it has no list "annotations"; is it an annotation file of VQA?`)
  return table
}

/** Keeps a field of the head of a file if it is a string, and the fact that it is there. */
export function readHeaderField(c: Cursor, name: string, header: Map<string, unknown>): void {
  if (peek(c) === 0x22) {
    header.set(name, readValue(c))
    return
  }
  skipValue(c)
  header.set(name, undefined)
}

function readAnnotation(c: Cursor, texts: TextTable): AnnotationRow {
  const row: AnnotationRow = {
    questionId: undefined,
    imageId: undefined,
    questionType: NO_TEXT,
    answerType: NO_TEXT,
    reference: NO_TEXT,
    answers: null,
    humans: null,
    problem: null,
    difficult: false,
  }
  for (let more = enterObject(c); more; more = nextField(c)) {
    const index = readKey(c, ROW, 0)
    if (index === 0) row.questionId = readValue(c)
    else if (index === 1) row.imageId = readValue(c)
    else if (index === 2) row.questionType = readText(c, texts)
    else if (index === 3) row.answerType = readText(c, texts)
    else if (index === 4) row.reference = readText(c, texts)
    else if (index === 5 || index === 6) readAnswers(c, texts, row)
    else if (index === 7) row.difficult = readValue(c) === true
    else skipValue(c)
  }
  return row
}

/** The number of a string, NO_TEXT for a value of another kind. */
export function readText(c: Cursor, texts: TextTable): number {
  if (peek(c) !== 0x22) {
    skipValue(c)
    return NO_TEXT
  }
  scanString(c)
  return texts.idAt(c)
}

/** Answers whose `answer_id` grow are of different humans; others are read again and compared in full. */
function readAnswers(c: Cursor, texts: TextTable, row: AnnotationRow): void {
  row.humans = null
  row.problem = null
  if (peek(c) !== 0x5b) {
    row.answers = null
    row.problem = `answers must be a list, got ${describe(readValue(c))}`
    return
  }
  const start = c.pos
  const answers: number[] = []
  let ordered = true
  let last = -Infinity
  for (let more = enterArray(c); more; more = nextItem(c)) {
    const byte = peek(c)
    if (byte === 0x22) answers.push(readText(c, texts))
    else if (byte === 0x7b) {
      let text = NO_TEXT
      let id: unknown
      let index = -1
      for (let field = enterObject(c); field; field = nextField(c)) {
        index = readKey(c, ANSWER, index + 1)
        if (index === 0) text = readText(c, texts)
        else if (index === 2) id = readValue(c)
        else skipValue(c)
      }
      if (text === NO_TEXT) row.problem ??= `answers[${answers.length}].answer must be a string`
      answers.push(text)
      ordered &&= typeof id === 'number' && id > last
      last = id as number
    } else {
      const found = describe(readValue(c))
      row.problem ??= `answers[${answers.length}] must be an object, got ${found}`
    }
  }
  row.answers = answers
  if (ordered) return
  const end = c.pos
  c.pos = start
  const objects = readValue(c) as unknown[]
  if (c.pos !== end) fail(c, 'the end of the answers')
  row.humans = distinguishHumans(objects.map(asAnswer))
}

function asAnswer(value: unknown): string | AnswerObject {
  if (!(value instanceof Map)) return ''
  return Object.fromEntries([...(value as Map<string, unknown>), ['answer', '']]) as AnswerObject
}
