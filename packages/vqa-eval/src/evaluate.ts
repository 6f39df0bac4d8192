import type { AnnotationTable } from './annotation-table.ts'
import { checkFields, checkQuestions } from './checks.ts'
import { clusteredInterval, inPercent, type Interval } from './clusters.ts'
import { createColumn } from './column.ts'
import { compareIds, explainMismatch, repeatsOf, type Correspondence } from './correspondence.ts'
import { InputError } from './errors.ts'
import type { EvaluateOptions, Evaluation, QuestionScores } from './evaluation.ts'
import { indexIds } from './id-list.ts'
import { roundHalfEven } from './python-text.ts'
import { formatIds, type QuestionId } from './question-id.ts'
import type { QuestionTable } from './question-table.ts'
import type { ResultTable } from './result-table.ts'
import { requireFallbackAllowed, type ScoreMode } from './score.ts'
import { createScorer } from './scorer.ts'
import { selectRows } from './subset.ts'
import { addTo, addToGroup, createTally, finishTally, tallyRecord, type Tally } from './tally.ts'

export interface Tables {
  readonly annotations: AnnotationTable
  readonly results: ResultTable
  readonly questions?: QuestionTable | undefined
}

/** `evaluateResults` on tables; see there. The texts of both tables must be numbered together. */
export function evaluateTables(
  { annotations, results, questions }: Tables,
  { mode = 'official', allowFallback = false, allowPartial = false, subset = {} }: EvaluateOptions = {},
): Evaluation {
  requireFallbackAllowed(mode, allowFallback)
  if (mode === 'official') checkFields(annotations)
  const ids = compareIds(annotations, results)
  const isDropped = (row: number): boolean => mode === 'aokvqa' && annotations.difficult.has(row)
  const isMissing = ids.missing.some((id) => !isDropped(ids.annotated.rowOf(id)))
  const isForeign = mode !== 'aokvqa' && ids.unexpected.length > 0
  if (!allowPartial && (isMissing || isForeign || ids.wrongType.length > 0)) {
    throw new InputError(explainMismatch(ids, annotations, results))
  }
  if (questions && mode === 'official') checkQuestions(questions, ids.annotated, results)

  const chosen = selectRows(annotations, ids, subset)
  const rows = chosen.filter((row) => !isDropped(row))
  const resultRows = rows.map((row) => ids.resultRows[row]!)
  const score = createScorer(annotations, results, mode, allowFallback)
  const scores: Scores = {
    rows,
    resultRows,
    accuracy: new Float64Array(rows.length),
    kind: new Uint8Array(rows.length),
  }
  let gain = 0
  for (let i = 0; i < rows.length; i++) {
    const scored = resultRows[i]! < 0 ? null : score(rows[i]!, resultRows[i]!)
    if (!scored) continue
    scores.accuracy[i] = scored.accuracy
    scores.kind[i] = scored.mode !== mode ? FALLBACK : scored.processed ? PROCESSED : UNPROCESSED
    gain += scored.gain
  }

  const n = {
    answered: count(scores, PROCESSED) + count(scores, UNPROCESSED),
    fallback: count(scores, FALLBACK),
  }
  if (n.answered === 0) throw nothingToScore(rows.length, n.fallback, ids, annotations, results)
  const unprocessed = mode === 'official' ? count(scores, UNPROCESSED) : 0
  const sums = sumUp(annotations, scores)
  const names = annotations.texts.texts
  return {
    mode,
    overall: finishTally(sums.overall),
    overallRaw: (100 * sums.overall.sum) / sums.overall.n,
    overallAnswered: roundHalfEven((100 * sums.overall.sum) / n.answered),
    perQuestionType: tallyRecord(sums.byQuestionType, names, finishTally),
    perAnswerType: tallyRecord(sums.byAnswerType, names, finishTally),
    counts: {
      perQuestionType: tallyRecord(sums.byQuestionType, names, (tally) => tally.n),
      perAnswerType: tallyRecord(sums.byAnswerType, names, (tally) => tally.n),
    },
    n: sums.overall.n,
    coverage: (n.answered + n.fallback) / rows.length,
    answered: n.answered + n.fallback,
    missing: rows.length - n.answered - n.fallback,
    unexpected: ids.unexpected.length + ids.wrongType.length,
    duplicates: ids.duplicated.length,
    dropped: chosen.length - rows.length,
    interval: intervalOf(annotations, scores),
    unprocessed:
      mode === 'official'
        ? { n: unprocessed, share: unprocessed / n.answered, cost: (100 * gain) / sums.overall.n }
        : null,
    fallback:
      mode === 'fallback'
        ? { n: n.answered, overall: finishTally(sums.overall) }
        : { n: n.fallback, overall: n.fallback > 0 ? finishTally(sums.fallback) : null },
    perQuestion: questionScores(annotations, results, scores, mode),
    warnings: warningsOf(ids.duplicated, repeatsOf(annotations.questionIds, ids.annotated)),
  }
}

const MISSING = 0
const UNPROCESSED = 1
const PROCESSED = 2
/** Scored by string match although the mode is another. */
const FALLBACK = 3

/** One entry per chosen question. */
interface Scores {
  readonly rows: Int32Array
  /** -1 without a prediction. */
  readonly resultRows: Int32Array
  readonly accuracy: Float64Array
  readonly kind: Uint8Array
}

function count({ kind }: Scores, wanted: number): number {
  let found = 0
  for (const value of kind) if (value === wanted) found++
  return found
}

/** Sums from left to right, in the order of the rows, as the official tool does. */
function sumUp(
  { questionTypes, answerTypes }: AnnotationTable,
  { rows, accuracy, kind }: Scores,
): { overall: Tally; fallback: Tally; byQuestionType: Map<number, Tally>; byAnswerType: Map<number, Tally> } {
  const sums = {
    overall: createTally(),
    fallback: createTally(),
    byQuestionType: new Map<number, Tally>(),
    byAnswerType: new Map<number, Tally>(),
  }
  for (let i = 0; i < rows.length; i++) {
    if (kind[i] === FALLBACK) {
      addTo(sums.fallback, accuracy[i]!)
      continue
    }
    addTo(sums.overall, accuracy[i]!)
    addToGroup(sums.byQuestionType, questionTypes.at(rows[i]!), accuracy[i]!)
    addToGroup(sums.byAnswerType, answerTypes.at(rows[i]!), accuracy[i]!)
  }
  return sums
}

/** Clustered by image; a question without an image id is a cluster of its own. */
function intervalOf({ imageIds }: AnnotationTable, { rows, accuracy, kind }: Scores): Interval | null {
  const images = indexIds(imageIds).rowsOf(imageIds)
  const isScored = (_: number, i: number): boolean => kind[i] !== FALLBACK
  const values = accuracy.filter(isScored)
  const clusters = rows.filter(isScored).map((row) => (images[row]! < 0 ? -1 - row : images[row]!))
  const interval = clusteredInterval(values, clusters)
  if (!interval) return null
  const { low, high, ...rest } = inPercent(interval)
  return { ...rest, low: Math.max(0, low), high: Math.min(100, high) }
}

function questionScores(
  { questionIds, imageIds, texts }: AnnotationTable,
  { answers }: ResultTable,
  { rows, resultRows, accuracy, kind }: Scores,
  mode: ScoreMode,
): QuestionScores {
  const answered = createColumn()
  for (let i = 0; i < rows.length; i++) if (kind[i] !== MISSING) answered.push(i)
  const at: QuestionScores['at'] = (index) => {
    const i = answered.at(index)
    return {
      questionId: questionIds.at(rows[i]!)!,
      imageId: imageIds.at(rows[i]!),
      mode: kind[i] === FALLBACK ? 'fallback' : mode,
      accuracy: accuracy[i]!,
      accuracyPct: roundHalfEven(100 * accuracy[i]!),
      processed: kind[i] === PROCESSED,
      prediction: texts.texts[answers.at(resultRows[i]!)]!,
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

function nothingToScore(
  chosen: number,
  unofficial: number,
  ids: Correspondence,
  annotations: AnnotationTable,
  results: ResultTable,
): InputError {
  if (unofficial > 0) {
    return new InputError(
      `vqa-eval: none of the ${unofficial} answered questions has human answers; score them with --mode fallback --allow-fallback`,
    )
  }
  if (chosen === 0) return new InputError('vqa-eval: there is nothing to score: no question is left')
  return new InputError(
    `${explainMismatch(ids, annotations, results)}\nThere is nothing to score: none of ${chosen} questions has a prediction.`,
  )
}

function warningsOf(duplicated: readonly QuestionId[], repeated: readonly QuestionId[]): string[] {
  const warnings: string[] = []
  if (duplicated.length > 0) {
    warnings.push(
      `${duplicated.length} question(s) are predicted more than once, the last prediction counts: ${formatIds(duplicated)}`,
    )
  }
  if (repeated.length > 0) {
    warnings.push(
      `${repeated.length} annotation(s) repeat a question id; the last annotation counts, once per repeat: ${formatIds(repeated)}`,
    )
  }
  return warnings
}
