import { InputError } from '@lever/durable-files/input-error'
import { annotationName, NO_TEXT, type AnnotationTable } from './annotation-table.ts'
import type { IdIndex } from './id-list.ts'
import { formatId } from './question-id.ts'
import type { QuestionTable } from './question-table.ts'
import { resultName, type ResultTable } from './result-table.ts'

/** @throws InputError if a row lacks a field without which the official tool fails. */
export function checkFields(annotations: AnnotationTable): void {
  for (let row = 0; row < annotations.questionIds.length; row++) {
    const absent =
      annotations.imageIds.at(row) === null
        ? 'image_id'
        : annotations.questionTypes.at(row) === NO_TEXT
          ? 'question_type'
          : annotations.answerTypes.at(row) === NO_TEXT
            ? 'answer_type'
            : null
    if (absent === null) continue
    const kind = absent === 'image_id' ? 'an integer or a string' : 'a string'
    throw new InputError(`vqa-eval: ${annotationName(annotations, row)}: ${absent} is missing or not ${kind}`)
  }
}

/**
 * How many annotated questions a questions file lacks.
 * @throws InputError if it has none of them, and so belongs to other annotations
 */
export function countUnlisted(
  questions: QuestionTable,
  annotations: AnnotationTable,
  annotated: IdIndex,
): number {
  const listed = new Set(questions.questionIds.filter((id) => annotated.rowOf(id) >= 0))
  if (listed.size > 0 || annotated.size === 0) return annotated.size - listed.size
  throw new InputError(
    `vqa-eval: ${questions.source} and ${annotations.source} share no question id, so they belong to different datasets; give the questions of these annotations, or none (the questions file does not change the accuracy)`,
  )
}

const HEADER = ['info', 'task_type', 'data_type', 'data_subtype', 'license']

/**
 *
 * @throws InputError if the questions file lacks a field that the official tool reads, and for VQA v1
 * "Multiple Choice" when a prediction is not among the choices of its question
 */
export function checkQuestions(questions: QuestionTable, annotated: IdIndex, results: ResultTable): void {
  const absent = HEADER.filter((field) => !questions.header.has(field))
  if (absent.length > 0) {
    throw new InputError(
      `vqa-eval: ${questions.source}: ${absent.join(', ')} missing, which the official tool needs; ` +
        'the questions file is optional and does not change the accuracy',
    )
  }
  if (questions.header.get('task_type') !== 'Multiple Choice') return
  for (let row = 0; row < results.questionIds.length; row++) {
    const id = results.questionIds.at(row)!
    if (annotated.rowOf(id) < 0) continue
    const choices = questions.choices.get(id)
    if (!choices) {
      throw new InputError(`vqa-eval: ${questions.source}: question ${formatId(id)} has no multiple_choices`)
    }
    if (!choices.includes(results.answers.at(row))) {
      throw new InputError(
        `predicted answer is not one of the multiple choices (vqa-eval: ${resultName(results, row)})`,
      )
    }
  }
}
