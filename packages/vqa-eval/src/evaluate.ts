import type { AnnotationTable } from './annotation-table.ts'
import { checkFields, checkQuestions } from './checks.ts'
import { clusteredInterval, type Interval } from './clusters.ts'
import { compareIds, explainMismatch } from './correspondence.ts'
import { InputError } from './errors.ts'
import type { EvaluateOptions, Evaluation, QuestionScore } from './evaluation.ts'
import { roundHalfEven } from './python-text.ts'
import { formatIds, type QuestionId } from './question-id.ts'
import type { QuestionTable } from './question-table.ts'
import type { ResultTable } from './result-table.ts'
import { requireFallbackAllowed } from './score.ts'
import { createScorer, MISSING } from './scorer.ts'
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
  const rowOf = lastRows(annotations.questionIds)
  const resultOf = lastRows(results.questionIds)
  if (mode === 'official') checkFields(annotations)
  const ids = compareIds(rowOf, resultOf, results)
  const isDropped = (row: number): boolean => mode === 'aokvqa' && annotations.difficult.has(row)
  const isMissing = ids.missing.some((id) => !isDropped(rowOf.get(id)!))
  const isForeign = mode !== 'aokvqa' && ids.unexpected.length > 0
  if (!allowPartial && (isMissing || isForeign || ids.wrongType.length > 0)) {
    throw new InputError(explainMismatch(ids, annotations, results))
  }
  if (questions && mode === 'official') checkQuestions(questions, annotations, results)

  const chosen = selectRows(annotations, rowOf, subset)
  const rows = chosen.filter((row) => !isDropped(row))
  const overall = createTally()
  const byQuestionType = new Map<number, Tally>()
  const byAnswerType = new Map<number, Tally>()
  const fallback = createTally()
  const values: number[] = []
  const clusters: unknown[] = []
  const perQuestion: QuestionScore[] = []
  const unprocessed = { n: 0, gain: 0 }
  const score = createScorer(annotations, results, mode, allowFallback)
  const percents = new Map<number, number>()
  const percent = (accuracy: number): number => {
    if (!percents.has(accuracy)) percents.set(accuracy, roundHalfEven(100 * accuracy))
    return percents.get(accuracy)!
  }
  let answered = 0

  for (const row of rows) {
    const questionId = annotations.questionIds[row]!
    const imageId = annotations.imageIds[row] ?? null
    const resultRow = resultOf.get(questionId)
    const scored = resultRow === undefined ? MISSING : score(row, resultRow)
    const { accuracy, processed } = scored
    if (resultRow !== undefined) {
      perQuestion.push({
        questionId,
        imageId,
        mode: scored.mode,
        accuracy,
        accuracyPct: percent(accuracy),
        processed,
        prediction: annotations.texts.texts[results.answers.at(resultRow)]!,
      })
    }
    if (scored.mode === 'fallback') addTo(fallback, accuracy)
    if (scored.mode === 'fallback' && mode !== 'fallback') continue
    addTo(overall, accuracy)
    addToGroup(byQuestionType, annotations.questionTypes.at(row), accuracy)
    addToGroup(byAnswerType, annotations.answerTypes.at(row), accuracy)
    values.push(accuracy)
    clusters.push(imageId ?? { questionId })
    if (resultRow === undefined) continue
    answered++
    if (mode === 'official' && !processed) {
      unprocessed.n++
      unprocessed.gain += scored.gain
    }
  }

  if (answered === 0) throw nothingToScore(rows, perQuestion, explainMismatch(ids, annotations, results))
  const interval = clusteredInterval(values, clusters)
  const names = annotations.texts.texts
  return {
    mode,
    overall: finishTally(overall),
    overallRaw: (100 * overall.sum) / overall.n,
    overallAnswered: roundHalfEven((100 * overall.sum) / answered),
    perQuestionType: tallyRecord(byQuestionType, names, finishTally),
    perAnswerType: tallyRecord(byAnswerType, names, finishTally),
    counts: {
      perQuestionType: tallyRecord(byQuestionType, names, (tally) => tally.n),
      perAnswerType: tallyRecord(byAnswerType, names, (tally) => tally.n),
    },
    n: overall.n,
    coverage: perQuestion.length / rows.length,
    answered: perQuestion.length,
    missing: rows.length - perQuestion.length,
    unexpected: ids.unexpected.length + ids.wrongType.length,
    duplicates: ids.duplicated.length,
    dropped: chosen.length - rows.length,
    interval: interval && inPercent(interval),
    unprocessed:
      mode === 'official'
        ? { n: unprocessed.n, share: unprocessed.n / answered, cost: (100 * unprocessed.gain) / overall.n }
        : null,
    fallback: { n: fallback.n, overall: fallback.n > 0 ? finishTally(fallback) : null },
    perQuestion,
    warnings: warningsOf(annotations, rowOf, ids.duplicated),
  }
}

function nothingToScore(
  rows: readonly number[],
  scored: readonly QuestionScore[],
  mismatch: string,
): InputError {
  if (scored.length > 0) {
    return new InputError(
      `vqa-eval: none of the ${scored.length} answered questions has human answers; score them with --mode fallback --allow-fallback`,
    )
  }
  if (rows.length === 0) return new InputError('vqa-eval: there is nothing to score: no question is left')
  return new InputError(
    `vqa-eval: there is nothing to score: none of ${rows.length} questions has a prediction. ${mismatch}`,
  )
}

/** The last row of each id, in the order of first appearance. */
function lastRows(ids: readonly QuestionId[]): Map<QuestionId, number> {
  const rows = new Map<QuestionId, number>()
  for (const [row, id] of ids.entries()) rows.set(id, row)
  return rows
}

function inPercent({ mean, standardError, low, high, clusters }: Interval): Interval {
  return {
    mean: 100 * mean,
    standardError: 100 * standardError,
    low: Math.max(0, 100 * low),
    high: Math.min(100, 100 * high),
    clusters,
  }
}

function warningsOf(
  annotations: AnnotationTable,
  rowOf: ReadonlyMap<QuestionId, number>,
  duplicated: readonly QuestionId[],
): string[] {
  const warnings: string[] = []
  if (duplicated.length > 0) {
    warnings.push(
      `${duplicated.length} question(s) are predicted more than once, the last prediction counts: ${formatIds(duplicated)}`,
    )
  }
  const repeats = annotations.questionIds.filter((id, row) => rowOf.get(id) !== row)
  if (repeats.length > 0) {
    warnings.push(
      `${repeats.length} annotation(s) repeat a question id; the last annotation counts, once per repeat: ${formatIds(repeats)}`,
    )
  }
  return warnings
}
