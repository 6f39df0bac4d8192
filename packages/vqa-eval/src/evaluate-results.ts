import { InputError } from '@lever/durable-files/input-error'
import {
  addAnnotation,
  createAnnotationTable,
  NO_TEXT,
  type AnnotationRow,
  type AnnotationTable,
} from './annotation-table.ts'
import { describe } from './describe.ts'
import { evaluateSheet } from './evaluate.ts'
import type { EvaluateOptions, Evaluation } from './evaluation.ts'
import { canonicalId, type QuestionId } from './question-id.ts'
import type { QuestionTable } from './question-table.ts'
import { addResult, createResultTable, type ResultTable } from './result-table.ts'
import { createScoreSheet, type ScoreSheet } from './score-sheet.ts'
import { distinguishHumans, type AnswerObject } from './score.ts'
import { createTextTable, type TextTable } from './text-table.ts'

/** A row of an annotation file. */
export interface Annotation {
  readonly question_id: QuestionId
  readonly image_id?: QuestionId
  readonly question_type?: string
  readonly answer_type?: string
  readonly answers?: readonly (string | AnswerObject)[]
  /** A-OKVQA. */
  readonly direct_answers?: readonly string[]
  readonly difficult_direct_answer?: boolean
  readonly multiple_choice_answer?: string
}

/** A row of a results file; other fields are ignored. */
export interface Prediction {
  readonly question_id: QuestionId
  readonly answer: string
}

/** A parsed questions file. */
export interface QuestionFile {
  readonly questions: readonly {
    readonly question_id: QuestionId
    readonly multiple_choices?: readonly string[]
  }[]
  readonly [field: string]: unknown
}

/** Parsed annotations and results, and how they are scored. */
export interface EvaluateInput extends EvaluateOptions {
  /** The list of annotations, or the parsed file that holds it under `annotations`. */
  readonly annotations: readonly Annotation[] | { readonly annotations: readonly Annotation[] }
  readonly results: readonly Prediction[]
  /** Optional; does not change the accuracy. Mode `official` checks it as the official tool does. */
  readonly questions?: QuestionFile
}

/**
 * Accuracy of predictions for a set of annotated questions.
 *
 * Mode `official` gives the numbers of GT-Vision-Lab/VQA (commit a013f0043, Python 3.11): per question the mean over
 * the humans of min(1, matches among the others / 3), then means over all questions and over each type, in percent,
 * rounded half to even. Does not change its input, so that a second call gives the same numbers (the official code
 * overwrites the answers; it scores a repeated question differently the second time).
 *
 *
 * @throws InputError if the ids of the two do not correspond (unless `allowPartial`), a scored row is malformed, or
 * nothing is left to score
 */
export function evaluateResults({ annotations, results, questions, ...options }: EvaluateInput): Evaluation {
  const texts = createTextTable()
  const rows = 'annotations' in annotations ? annotations.annotations : annotations
  const sheet = createScoreSheet(resultTable(results, texts), texts, options)
  const table = annotationTable(rows, texts, sheet)
  return evaluateSheet(sheet, table, questions && questionTable(questions, texts), options)
}

function annotationTable(rows: readonly Annotation[], texts: TextTable, sheet: ScoreSheet): AnnotationTable {
  if (!Array.isArray(rows)) throw new InputError('vqa-eval: annotations must be a list of objects')
  const table = createAnnotationTable('annotations', texts)
  for (const row of rows as readonly (Annotation | null)[])
    addAnnotation(table, toRow(row ?? {}, texts), [sheet])
  return table
}

function toRow(row: Partial<Annotation>, texts: TextTable): AnnotationRow {
  const textOf = (value: unknown): number => (typeof value === 'string' ? texts.idOf(value) : NO_TEXT)
  const answers: unknown = row.answers ?? row.direct_answers
  const objects = Array.isArray(answers) ? (answers as readonly (string | AnswerObject)[]) : null
  const numbers =
    objects?.map((answer) => textOf(typeof answer === 'string' ? answer : answer.answer)) ?? null
  const wrong = numbers?.indexOf(NO_TEXT) ?? -1
  return {
    questionId: row.question_id,
    imageId: row.image_id,
    questionType: textOf(row.question_type),
    answerType: textOf(row.answer_type),
    reference: textOf(row.multiple_choice_answer),
    answers: numbers,
    humans: objects && wrong < 0 ? distinguishHumans(objects) : null,
    problem: wrong < 0 ? null : `answers[${wrong}].answer must be a string`,
    difficult: row.difficult_direct_answer === true,
  }
}

function resultTable(rows: readonly Prediction[], texts: TextTable): ResultTable {
  if (!Array.isArray(rows)) throw new InputError('results is not an array of objects')
  const table = createResultTable('results')
  for (const row of rows as readonly (Partial<Record<string, unknown>> | null)[]) {
    const { question_id: questionId, answer } = row ?? {}
    const isText = typeof answer === 'string'
    const problem = isText || answer === undefined ? null : `answer must be a string, got ${describe(answer)}`
    addResult(table, { questionId, answer: isText ? texts.idOf(answer) : NO_TEXT, problem })
  }
  return table
}

function questionTable({ questions, ...header }: QuestionFile, texts: TextTable): QuestionTable {
  const choices = new Map<QuestionId, readonly number[]>()
  const questionIds: QuestionId[] = []
  for (const { question_id: rawId, multiple_choices: names } of questions) {
    const id = canonicalId(rawId)
    if (id !== undefined) questionIds.push(id)
    if (id !== undefined && names)
      choices.set(
        id,
        names.map((name) => texts.idOf(name)),
      )
  }
  return {
    source: 'questions',
    isList: false,
    questionIds,
    imageIds: [],
    questions: [],
    choices,
    header: new Map(Object.entries(header)),
  }
}
