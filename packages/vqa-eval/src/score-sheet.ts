import { NO_TEXT, type AnnotationRow, type AnnotationSink } from './annotation-table.ts'
import { createColumn, type Column } from './column.ts'
import type { EvaluateOptions } from './evaluation.ts'
import { fallbackScore } from './fallback.ts'
import { indexIds, type IdIndex } from './id-list.ts'
import type { ResultTable } from './result-table.ts'
import { compareAnswers, directAccuracy, requireFallbackAllowed, type ScoreMode } from './score.ts'
import { textForms } from './text-forms.ts'
import type { TextTable } from './text-table.ts'

/** How the row of an annotation was scored. */
export const KIND = {
  /** There is no prediction. */
  missing: 0,
  unprocessed: 1,
  processed: 2,
  /** By string match although the mode is another. */
  fallback: 3,
  /** The prediction or the answers are malformed. */
  unscorable: 4,
} as const

/** Scores the annotations with one set of results, row by row as they come; keeps the scores, not the answers. */
export interface ScoreSheet extends AnnotationSink {
  readonly mode: ScoreMode
  readonly results: ResultTable
  readonly predicted: IdIndex
  /** Row of the results for each annotation, -1 without one. */
  readonly resultRows: Column
  readonly kinds: Column
  /** 0..1 for each annotation. */
  readonly accuracies: Column
  /** What normalising would have added to rows that were not normalised, where it is not 0. */
  readonly gains: ReadonlyMap<number, number>
}

type Scored = readonly [kind: number, accuracy: number, gain: number]

const MISSING: Scored = [KIND.missing, 0, 0]
const UNSCORABLE: Scored = [KIND.unscorable, 0, 0]

export function createScoreSheet(
  results: ResultTable,
  texts: TextTable,
  { mode = 'official', allowFallback = false }: EvaluateOptions = {},
): ScoreSheet {
  requireFallbackAllowed(mode, allowFallback)
  const predicted = indexIds(results.questionIds)
  const forms = textForms(texts)
  const resultRows = createColumn()
  const kinds = createColumn(Uint8Array)
  const accuracies = createColumn(Float64Array)
  const gains = new Map<number, number>()

  function score(prediction: number, { answers, humans, problem, reference }: AnnotationRow): Scored {
    const usable = problem === null && answers ? answers : []
    if (mode === 'fallback' || (allowFallback && usable.length === 0 && reference !== NO_TEXT)) {
      const known = usable.length > 0 || reference === NO_TEXT ? usable : [reference]
      if (known.length === 0) return UNSCORABLE
      const names = known.map((text) => texts.texts[text]!)
      const { accuracy } = fallbackScore(texts.texts[prediction], names)
      return [mode === 'fallback' ? KIND.unprocessed : KIND.fallback, accuracy, 0]
    }
    if (usable.length === 0) return UNSCORABLE
    if (mode === 'aokvqa') return [KIND.unprocessed, directAccuracy(prediction, usable), 0]
    const { accuracy, processed } = compareAnswers(forms, prediction, usable, humans, mode)
    if (processed) return [KIND.processed, accuracy, 0]
    const normalized = compareAnswers(forms, prediction, usable, humans, 'always')
    return [KIND.unprocessed, accuracy, normalized.accuracy - accuracy]
  }

  return {
    mode,
    results,
    predicted,
    resultRows,
    kinds,
    accuracies,
    gains,
    add(row, questionId) {
      const resultRow = predicted.rowOf(questionId)
      const prediction = resultRow < 0 ? NO_TEXT : results.answers.at(resultRow)
      const unscored = resultRow < 0 ? MISSING : UNSCORABLE
      const [kind, accuracy, gain] = prediction === NO_TEXT ? unscored : score(prediction, row)
      if (gain !== 0) gains.set(kinds.length, gain)
      resultRows.push(resultRow)
      kinds.push(kind)
      accuracies.push(accuracy)
    },
    clear() {
      for (const list of [resultRows, kinds, accuracies, gains]) list.clear()
    },
  }
}
