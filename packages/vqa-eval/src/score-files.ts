import { readFile } from 'node:fs/promises'
import { InputError } from '@lever/durable-files/input-error'
import { compareEvaluations, type Comparison } from './comparison.ts'
import { evaluateSheet } from './evaluate.ts'
import type { EvaluateOptions, Evaluation } from './evaluation.ts'
import { JsonSyntaxError, atEnd, createCursor } from './json-cursor.ts'
import { readValue } from './json-value.ts'
import type { StreamOptions } from './json-stream.ts'
import { canonicalId, type QuestionId } from './question-id.ts'
import { readAnnotations } from './read-annotations.ts'
import { readQuestions } from './read-questions.ts'
import { readResults } from './read-results.ts'
import { createScoreSheet, type ScoreSheet } from './score-sheet.ts'
import { createTextTable } from './text-table.ts'

export interface ScoreFilesOptions extends EvaluateOptions, Pick<StreamOptions, 'onProgress' | 'chunkSize'> {
  /** Path of the annotation file. */
  readonly annotations: string
  /** Path of the results: JSON array or JSONL. */
  readonly results: string
  /** Path of the questions file; optional, does not change the accuracy. */
  readonly questions?: string
  /** Path of other results to compare with. */
  readonly diff?: string
}

export interface FileScore {
  readonly evaluation: Evaluation
  /** Of the other results; null without `diff`. */
  readonly other: Evaluation | null
  readonly comparison: Comparison | null
}

/**
 * `evaluateResults` on files, which are read row by row: memory grows with the number of questions and of different
 * texts, not with the length of the files. Throws InputError when a file cannot be read, is malformed or does not
 * belong to the others.
 */
export async function scoreFiles({
  annotations,
  results,
  questions,
  diff,
  onProgress,
  chunkSize,
  ...options
}: ScoreFilesOptions): Promise<FileScore> {
  const stream: StreamOptions = { ...(onProgress && { onProgress }), ...(chunkSize && { chunkSize }) }
  const texts = createTextTable()
  const readSheet = async (path: string): Promise<ScoreSheet> =>
    createScoreSheet(
      await readResults(path, { ...stream, texts, keyed: options.mode === 'aokvqa' }),
      texts,
      options,
    )
  const sheet = await readSheet(results)
  const otherSheet = diff === undefined ? null : await readSheet(diff)
  const sinks = otherSheet ? [sheet, otherSheet] : [sheet]
  const annotationTable = await readAnnotations(annotations, { ...stream, texts, sinks })
  const questionTable =
    questions === undefined
      ? undefined
      : await readQuestions(questions, { ...stream, texts, keepRows: false })
  const evaluation = evaluateSheet(sheet, annotationTable, questionTable, options)
  const other = otherSheet && evaluateSheet(otherSheet, annotationTable, questionTable, options)
  return { evaluation, other, comparison: other && compareEvaluations(evaluation, other) }
}

/**
 * Reads a list of ids: a JSON array, or one id a line, where a line of digits is an integer and a line in quotes a
 * string. Throws InputError when there is none.
 */
export async function readIds(path: string): Promise<QuestionId[]> {
  const bytes = await readFile(path).catch((error: unknown) => {
    throw new InputError(`vqa-eval: cannot read ${path}: ${(error as Error).message}`, { cause: error })
  })
  const text = bytes.toString('utf8').trim()
  const raw = text.startsWith('[')
    ? parseList(path, bytes)
    : text
        .split(/\r?\n/)
        .filter((line) => line.trim() !== '')
        .map(parseLine)
  const ids = raw.map((value, index) => {
    const id = canonicalId(value)
    if (id === undefined)
      throw new InputError(`vqa-eval: ${path}: id ${index + 1} is neither an integer nor a string`)
    return id
  })
  if (ids.length === 0) throw new InputError(`vqa-eval: ${path} holds no ids`)
  return ids
}

function parseList(path: string, bytes: Buffer): unknown[] {
  const c = createCursor(Buffer.concat([bytes, Buffer.alloc(1)]), bytes.length)
  c.last = true
  try {
    const value = readValue(c)
    if (atEnd(c) && Array.isArray(value)) return value as unknown[]
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error
    throw new InputError(`vqa-eval: ${path}: ${error.message}`, { cause: error })
  }
  throw new InputError(`vqa-eval: ${path}: expected one list of ids`)
}

function parseLine(line: string): QuestionId {
  const text = line.trim()
  if (/^-?\d+$/.test(text)) return BigInt(text)
  return /^".*"$/.test(text) ? (JSON.parse(text) as string) : text
}
