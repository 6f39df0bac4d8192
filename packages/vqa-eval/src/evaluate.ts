import { InputError } from '@lever/durable-files/input-error'
import { annotationName, NO_TEXT, type AnnotationTable } from './annotation-table.ts'
import { checkFields, checkQuestions, countUnlisted } from './checks.ts'
import { compareIds, explainMismatch, repeatsOf } from './correspondence.ts'
import type { EvaluateOptions, Evaluation } from './evaluation.ts'
import { indexIds } from './id-list.ts'
import { roundHalfEven } from './python-text.ts'
import { formatIds, type QuestionId } from './question-id.ts'
import type { QuestionTable } from './question-table.ts'
import { resultName } from './result-table.ts'
import { KIND, type ScoreSheet } from './score-sheet.ts'
import { selectRows } from './subset.ts'
import { overallInterval, questionScores, sumUp } from './summary.ts'
import { finishTally, tallyRecord } from './tally.ts'

/** `evaluateResults` on a sheet that has seen all annotations of the table; see there. */
export function evaluateSheet(
  sheet: ScoreSheet,
  annotations: AnnotationTable,
  questions: QuestionTable | undefined,
  { allowPartial = false, subset = {} }: EvaluateOptions,
): Evaluation {
  const { mode, results, predicted } = sheet
  if (mode === 'official') checkFields(annotations)
  const annotated = indexIds(annotations.questionIds)
  const ids = compareIds(annotations.questionIds, annotated, results.questionIds, predicted, sheet.resultRows)
  const isDropped = (row: number): boolean => mode === 'aokvqa' && annotations.difficult.has(row)
  const isMissing = ids.missing.some((id) => !isDropped(annotated.rowOf(id)))
  const isForeign = mode !== 'aokvqa' && ids.unexpected.length > 0
  if (!allowPartial && (isMissing || isForeign || ids.wrongType.length > 0)) {
    throw new InputError(explainMismatch(ids, annotations, results))
  }
  const unlisted = questions ? countUnlisted(questions, annotations, annotated) : 0
  if (questions && mode === 'official') checkQuestions(questions, annotated, results)

  const chosen = selectRows(annotations, annotated, subset)
  const rows = annotations.difficult.size > 0 ? chosen.filter((row) => !isDropped(row)) : chosen
  const sums = sumUp(sheet, annotations, rows)
  if (sums.kinds[KIND.unscorable]! > 0) throw unscorable(sheet, annotations, rows)
  const scored = sums.kinds[KIND.processed]! + sums.kinds[KIND.unprocessed]!
  const answered = scored + sums.fallback.n
  if (scored === 0) throw nothingToScore(rows.length, answered, explainMismatch(ids, annotations, results))

  const { overall, byQuestionType, byAnswerType, kinds } = sums
  const names = annotations.texts.texts
  return {
    mode,
    overall: finishTally(overall),
    overallRaw: (100 * overall.sum) / overall.n,
    overallAnswered: roundHalfEven((100 * overall.sum) / scored),
    perQuestionType: tallyRecord(byQuestionType, names, finishTally),
    perAnswerType: tallyRecord(byAnswerType, names, finishTally),
    counts: {
      perQuestionType: tallyRecord(byQuestionType, names, (tally) => tally.n),
      perAnswerType: tallyRecord(byAnswerType, names, (tally) => tally.n),
    },
    n: overall.n,
    coverage: answered / rows.length,
    answered,
    missing: rows.length - answered,
    unexpected: ids.unexpected.length + ids.wrongType.length,
    duplicates: ids.duplicated.length,
    dropped: chosen.length - rows.length,
    interval: overallInterval(sheet, annotations, rows),
    unprocessed:
      mode === 'official'
        ? {
            n: kinds[KIND.unprocessed]!,
            share: kinds[KIND.unprocessed]! / scored,
            cost: (100 * sums.gain) / overall.n,
          }
        : null,
    fallback:
      mode === 'fallback'
        ? { n: scored, overall: finishTally(overall) }
        : { n: sums.fallback.n, overall: sums.fallback.n > 0 ? finishTally(sums.fallback) : null },
    perQuestion: questionScores(sheet, annotations, rows),
    warnings: [
      ...repeatWarnings(sheet, ids.duplicated),
      ...annotationWarnings(repeatsOf(annotations.questionIds, annotated)),
      ...(unlisted > 0
        ? [`${unlisted} of ${annotated.size} annotated questions are not in ${questions!.source}`]
        : []),
    ],
  }
}

/** What is wrong with the first row that cannot be scored. */
function unscorable(
  { mode, results, resultRows, kinds }: ScoreSheet,
  annotations: AnnotationTable,
  rows: Int32Array,
): InputError {
  const row = rows.find((candidate) => kinds.at(candidate) === KIND.unscorable)!
  const resultRow = resultRows.at(row)
  if (results.answers.at(resultRow) === NO_TEXT) {
    return new InputError(
      `vqa-eval: ${resultName(results, resultRow)}: ${results.problems.get(resultRow) ?? ''}`,
    )
  }
  const problem = annotations.problems.get(row) ?? 'there are no answers'
  const remedy =
    mode === 'fallback'
      ? 'a string match needs answers or a multiple_choice_answer'
      : 'the official metric needs the human answers (--allow-fallback scores a question that has a ' +
        'multiple_choice_answer by string match, apart from the others)'
  return new InputError(`vqa-eval: ${annotationName(annotations, row)}: ${problem}; ${remedy}`)
}

function nothingToScore(chosen: number, answered: number, mismatch: string): InputError {
  if (answered > 0) {
    return new InputError(
      `vqa-eval: none of the ${answered} answered questions has human answers; score them with --mode fallback --allow-fallback`,
    )
  }
  if (chosen === 0) return new InputError('vqa-eval: there is nothing to score: no question is left')
  return new InputError(
    `${mismatch}\nThere is nothing to score: none of ${chosen} questions has a prediction.`,
  )
}

/** Repeated predictions, first those that contradict each other. */
function repeatWarnings({ results, predicted }: ScoreSheet, duplicated: readonly QuestionId[]): string[] {
  if (duplicated.length === 0) return []
  const contradicting = new Set<QuestionId>()
  for (let row = 0; row < results.questionIds.length; row++) {
    const id = results.questionIds.at(row)!
    if (results.answers.at(row) !== results.answers.at(predicted.rowOf(id))) contradicting.add(id)
  }
  const same = duplicated.filter((id) => !contradicting.has(id))
  const warn = (ids: readonly QuestionId[], how: string): string[] =>
    ids.length === 0
      ? []
      : [
          `${questionsAre(ids.length)} predicted more than once, ${how}; the last prediction counts: ${formatIds(ids)}`,
        ]
  return [...warn([...contradicting], 'with different answers'), ...warn(same, 'with the same answer')]
}

function annotationWarnings(repeated: readonly QuestionId[]): string[] {
  if (repeated.length === 0) return []
  return [
    `${questionsAre(repeated.length)} annotated more than once; the last annotation counts, once for each repeat: ${formatIds(repeated)}`,
  ]
}

function questionsAre(count: number): string {
  return count === 1 ? '1 question is' : `${count} questions are`
}
