import type { StreamOptions } from '@lever/json-text/node'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import { compareEvaluations, type Comparison } from './comparison.ts'
import { evaluateSheet } from './evaluate.ts'
import type { EvaluateOptions, Evaluation } from './evaluation.ts'
import { readAnnotations } from './read-annotations.ts'
import { readQuestions } from './read-questions.ts'
import { readResults } from './read-results.ts'
import { createScoreSheet, type ScoreSheet } from './score-sheet.ts'
import { createTextTable } from './text-table.ts'

/** Files to score, and which of their questions. */
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

export const SCORE_FILES_OPTIONS: OptionNames<ScoreFilesOptions> = {
  annotations: true,
  results: true,
  questions: true,
  diff: true,
  allowPartial: true,
  subset: true,
  mode: true,
  allowFallback: true,
  onProgress: true,
  chunkSize: true,
}

/** The official accuracy of a results file, and of another beside it. */
export interface FileScore {
  readonly evaluation: Evaluation
  /** Of the other results; null without `diff`. */
  readonly other: Evaluation | null
  readonly comparison: Comparison | null
}

/**
 * `evaluateResults` on files, which are read row by row: memory grows with the number of questions and of different
 * texts, not with the length of the files.
 *
 * @throws InputError if a file cannot be read, is malformed or does not
 * belong to the others
 */
export async function scoreFiles(given: ScoreFilesOptions): Promise<FileScore> {
  refuseUnknownOptions(given, SCORE_FILES_OPTIONS, 'vqa-eval: scoreFiles')
  const { annotations, results, questions, diff, onProgress, chunkSize, ...options } = given
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
      : await readQuestions(questions, { ...stream, texts, keepTexts: false })
  const evaluation = evaluateSheet(sheet, annotationTable, questionTable, options)
  const other = otherSheet && evaluateSheet(otherSheet, annotationTable, questionTable, options)
  return { evaluation, other, comparison: other && compareEvaluations(evaluation, other) }
}
