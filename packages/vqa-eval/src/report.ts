import { refuseUnknownOptions } from '@lever/durable-files/known-options'

import type { Interval } from './clusters.ts'
import { printableLine } from '@lever/terminal'
import type { Comparison, Flip } from './comparison.ts'
import type { Evaluation } from './evaluation.ts'
import { formatId, type QuestionId } from './question-id.ts'

/** Lines of JSONL, one per answered question: question_id, accuracy (0..1), accuracy_pct (0..100), mode, processed. */
export function* perQuestionLines({ perQuestion }: Pick<Evaluation, 'perQuestion'>): Generator<string> {
  for (const { questionId, accuracy, accuracyPct, mode, processed } of perQuestion) {
    yield `{"question_id":${formatId(questionId)},"accuracy":${accuracy},"accuracy_pct":${accuracyPct},"mode":"${mode}","processed":${processed}}\n`
  }
}

/** An evaluation, and its comparison if there is one, as a JSON value. Ids beyond 2^53 become decimal strings. */
export function evaluationJson(
  evaluation: Evaluation,
  comparison: Comparison | null = null,
): Record<string, unknown> {
  return {
    ...evaluation,
    perQuestion: undefined,
    ...(comparison && {
      diff: { ...comparison, gained: comparison.gained.map(flipJson), lost: comparison.lost.map(flipJson) },
    }),
  }
}

function flipJson({
  questionId,
  accuracy,
  otherAccuracy,
  prediction,
  otherPrediction,
}: Flip): Record<string, unknown> {
  return {
    question_id: typeof questionId === 'bigint' ? String(questionId) : questionId,
    accuracy,
    other_accuracy: otherAccuracy,
    answer: prediction,
    other_answer: otherPrediction,
  }
}

/** An evaluation for people. Ends with a newline. */
export function formatEvaluation(evaluation: Evaluation): string {
  const { mode, overall, overallAnswered, n, interval, unprocessed, fallback, coverage } = evaluation
  const lines = [
    `Mode ${mode}: ${questions(n)}${mode === 'fallback' ? ', string match, NOT the official metric' : ''}`,
  ]
  lines.push(`Overall accuracy: ${points(overall)}${interval ? `   ${formatInterval(interval)}` : ''}`)
  if (coverage < 1) {
    lines.push(
      `Coverage: ${percent(coverage)} (${evaluation.answered} of ${evaluation.answered + evaluation.missing} questions have a prediction)`,
      `  over all questions, a missing prediction counting 0: ${points(overall)}`,
      `  over the answered questions alone:                   ${points(overallAnswered)}`,
    )
  }
  if (evaluation.unexpected > 0)
    lines.push(`Ignored: ${evaluation.unexpected} predictions for questions not annotated`)
  if (evaluation.dropped > 0)
    lines.push(`Left out: ${questions(evaluation.dropped)} with difficult direct answers`)
  if (fallback.n > 0 && mode !== 'fallback') {
    lines.push(
      `Fallback: ${questions(fallback.n)} scored by string match, not in the figures above: ${points(fallback.overall ?? 0)}`,
    )
  }
  const { perAnswerType, perQuestionType, counts } = evaluation
  for (const line of table('answer type', perAnswerType, counts.perAnswerType)) lines.push(line)
  for (const line of table('question type', perQuestionType, counts.perQuestionType)) lines.push(line)
  if (unprocessed) {
    lines.push(
      '',
      `Compared without normalising, because all humans agree: ${questions(unprocessed.n)} (${percent(unprocessed.share)});`,
      `  normalising them too would give ${signed(unprocessed.cost)} points (--mode always)`,
    )
  }
  for (const warning of evaluation.warnings) lines.push(`Warning: ${printableLine(warning)}`)
  return `${lines.join('\n')}\n`
}

/** A comparison for people: the first `limit` flipped questions of each kind. Ends with a newline. */
export function formatComparison(comparison: Comparison, options: { readonly limit?: number } = {}): string {
  refuseUnknownOptions(options, { limit: true }, 'vqa-eval: formatComparison')
  const { limit = 10 } = options
  const { delta, interval, n, improved, worsened, unchanged, gained, lost } = comparison
  const lines = [
    `Difference to the other results: ${signed(delta)} points${interval ? `   ${formatInterval(interval, signed)}` : ''}`,
    `  ${questions(n)} paired: ${improved} better, ${worsened} worse, ${unchanged} the same`,
    ...flips('from 0 to above 0', gained, limit),
    ...flips('from above 0 to 0', lost, limit),
  ]
  return `${lines.join('\n')}\n`
}

function flips(title: string, list: readonly Flip[], limit: number): string[] {
  const lines = [`  flipped ${title}: ${list.length}`]
  for (const { questionId, accuracy, otherAccuracy, prediction, otherPrediction } of list.slice(0, limit)) {
    lines.push(
      `    ${id(questionId)}: ${JSON.stringify(otherPrediction)} (${points(100 * otherAccuracy)}) -> ${JSON.stringify(prediction)} (${points(100 * accuracy)})`,
    )
  }
  if (list.length > limit) lines.push(`    and ${list.length - limit} more`)
  return lines
}

function table(
  title: string,
  values: Readonly<Record<string, number>>,
  counts: Readonly<Record<string, number>>,
): string[] {
  const names = Object.keys(values).sort((a, b) => counts[b]! - counts[a]! || (a < b ? -1 : 1))
  if (names.length === 0) return []
  const width = names.reduce((most, name) => Math.max(most, printableLine(name).length), 0)
  const lines = names.map(
    (name) =>
      `  ${printableLine(name).padEnd(width)}  ${points(values[name]!).padStart(6)}  n = ${counts[name]!}`,
  )
  return ['', `Per ${title}:`, ...lines]
}

function formatInterval(
  { low, high, clusters }: Interval,
  format: (value: number) => string = points,
): string {
  return `(95 %: ${format(low)} to ${format(high)}, clustered by ${clusters} images)`
}

function id(value: QuestionId): string {
  return `question ${formatId(value)}`
}

function questions(n: number): string {
  return n === 1 ? '1 question' : `${n} questions`
}

function points(value: number): string {
  return value.toFixed(2)
}

function signed(value: number): string {
  return (value < 0 ? '' : '+') + points(value)
}

function percent(share: number): string {
  return `${points(100 * share)} %`
}
