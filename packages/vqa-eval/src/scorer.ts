import { annotationName, answersOf, NO_TEXT, type AnnotationTable } from './annotation-table.ts'
import { InputError } from './errors.ts'
import { fallbackScore } from './fallback.ts'
import { resultName, type ResultTable } from './result-table.ts'
import { compareAnswers, directAccuracy, type ScoreMode, type TextForms } from './score.ts'
import { textForms } from './text-forms.ts'

/** The score of one row. */
export interface Scored {
  readonly mode: ScoreMode
  readonly accuracy: number
  readonly processed: boolean
  /** What normalising would have added to a question that was not normalised. */
  readonly gain: number
}

/** Scores a row of the annotations with a row of the results. Throws InputError for a row that cannot be scored. */
export function createScorer(
  annotations: AnnotationTable,
  results: ResultTable,
  mode: ScoreMode,
  allowFallback: boolean,
): (row: number, resultRow: number) => Scored {
  const { texts } = annotations.texts
  const forms = textForms(annotations.texts)
  return (row, resultRow) => {
    const prediction = results.answers.at(resultRow)
    if (prediction === NO_TEXT) {
      throw new InputError(
        `vqa-eval: ${resultName(results, resultRow)}: ${results.problems.get(resultRow) ?? ''}`,
      )
    }
    const problem = annotations.problems.get(row)
    const answers = problem === undefined ? answersOf(annotations, row) : []
    const reference = annotations.references.at(row)
    if (mode === 'fallback' || (allowFallback && answers.length === 0 && reference !== NO_TEXT)) {
      const known = answers.length > 0 || reference === NO_TEXT ? answers : [reference]
      if (known.length === 0) throw unanswerable(annotations, row, problem)
      const names = known.map((text) => texts[text]!)
      return {
        mode: 'fallback',
        accuracy: fallbackScore(texts[prediction], names).accuracy,
        processed: false,
        gain: 0,
      }
    }
    if (answers.length === 0) throw unanswerable(annotations, row, problem)
    if (mode === 'aokvqa')
      return { mode, accuracy: directAccuracy(prediction, answers), processed: false, gain: 0 }
    return scoreOfficially(forms, prediction, answers, annotations.humans.get(row) ?? null, mode)
  }
}

function scoreOfficially(
  forms: TextForms<number>,
  prediction: number,
  answers: readonly number[],
  humans: readonly string[] | null,
  mode: 'official' | 'always',
): Scored {
  const { accuracy, processed } = compareAnswers(forms, prediction, answers, humans, mode)
  const gain = processed
    ? 0
    : compareAnswers(forms, prediction, answers, humans, 'always').accuracy - accuracy
  return { mode, accuracy, processed, gain }
}

function unanswerable(annotations: AnnotationTable, row: number, problem: string | undefined): InputError {
  return new InputError(
    `vqa-eval: ${annotationName(annotations, row)}: ${problem ?? 'there are no answers'}; the official metric needs ` +
      'the human answers (--allow-fallback scores such a question by string match, apart from the others)',
  )
}
