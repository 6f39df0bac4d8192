import type { AnnotationTable } from './annotation-table.ts'
import { inPercent, intervalOf, type Interval } from './clusters.ts'
import type { QuestionScores } from './evaluation.ts'
import { indexIds } from './id-list.ts'
import { roundHalfEven } from './python-text.ts'
import { KIND, type ScoreSheet } from './score-sheet.ts'
import { addTo, addToGroup, createTally, type Tally } from './tally.ts'

export interface Sums {
  readonly overall: Tally
  readonly fallback: Tally
  readonly byQuestionType: Map<number, Tally>
  readonly byAnswerType: Map<number, Tally>
  /** Questions of each kind, in the order of KIND. */
  readonly kinds: number[]
  readonly gain: number
}

/** Sums from left to right in the order of the rows, as the official tool does. */
export function sumUp(sheet: ScoreSheet, annotations: AnnotationTable, rows: Int32Array): Sums {
  const sums = {
    overall: createTally(),
    fallback: createTally(),
    byQuestionType: new Map<number, Tally>(),
    byAnswerType: new Map<number, Tally>(),
    kinds: Object.values(KIND).map(() => 0),
    gain: 0,
  }
  for (const row of rows) {
    const kind = sheet.kinds.at(row)
    const accuracy = sheet.accuracies.at(row)
    sums.kinds[kind]!++
    if (kind === KIND.fallback) {
      addTo(sums.fallback, accuracy)
      continue
    }
    addTo(sums.overall, accuracy)
    addToGroup(sums.byQuestionType, annotations.questionTypes.at(row), accuracy)
    addToGroup(sums.byAnswerType, annotations.answerTypes.at(row), accuracy)
    sums.gain += sheet.gains.get(row) ?? 0
  }
  return sums
}

/** In points, clustered by image; a question without an image id is a cluster of its own. */
export function overallInterval(
  { kinds, accuracies }: ScoreSheet,
  { imageIds }: AnnotationTable,
  rows: Int32Array,
): Interval | null {
  const scored = kept(rows, (row) => kinds.at(row) !== KIND.fallback)
  const images = indexIds(imageIds, 0)
  const interval = intervalOf(
    scored.length,
    (i) => accuracies.at(scored[i]!),
    (i) => {
      const image = imageIds.at(scored[i]!)
      return image === null ? -1 - scored[i]! : images.rowOf(image)
    },
  )
  if (!interval) return null
  const { low, high, ...rest } = inPercent(interval)
  return { ...rest, low: Math.max(0, low), high: Math.min(100, high) }
}

/** The rows that pass, without a copy when all do. */
function kept(rows: Int32Array, passes: (row: number) => boolean): Int32Array {
  return rows.every(passes) ? rows : rows.filter(passes)
}

/** The answered questions among the rows. */
export function questionScores(
  { mode, results, resultRows, kinds, accuracies }: ScoreSheet,
  { questionIds, imageIds, texts }: AnnotationTable,
  rows: Int32Array,
): QuestionScores {
  const answered = kept(rows, (row) => kinds.at(row) !== KIND.missing)
  const at: QuestionScores['at'] = (index) => {
    const row = answered[index]!
    return {
      questionId: questionIds.at(row)!,
      imageId: imageIds.at(row),
      mode: kinds.at(row) === KIND.fallback ? 'fallback' : mode,
      accuracy: accuracies.at(row),
      accuracyPct: roundHalfEven(100 * accuracies.at(row)),
      processed: kinds.at(row) === KIND.processed,
      prediction: texts.texts[results.answers.at(resultRows.at(row))]!,
    }
  }
  return {
    length: answered.length,
    at,
    *[Symbol.iterator]() {
      for (let index = 0; index < answered.length; index++) yield at(index)
    },
  }
}
