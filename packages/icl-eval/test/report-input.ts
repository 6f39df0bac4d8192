import { createRandom } from '@lever/reward-utils'
import { reportExamples } from '../src/report/examples.ts'
import { describeRewards } from '../src/report/rewards.ts'
import type { ReportInput, ReportRun } from '../src/report/types.ts'
import { summarize } from '../src/summary/summarize.ts'
import type { EvaluationRow, Example } from '../src/types.ts'
import { toyQuestions } from './toy-world.ts'

/** A one-pixel image. */
const PIXEL =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='

const EVIL = '<script>alert("x")</script>'

export const reportQueries: readonly Example[] = toyQuestions(24, 1).map((query, i) =>
  i === 0 ? { ...query, question: EVIL, answers: [`${EVIL}\u2028`] } : query,
)
export const reportLibrary: readonly Example[] = toyQuestions(8, 101)

const random = createRandom(1, 'report')
const row = (query: Example, selector: string, shots: number, rate: number): EvaluationRow => ({
  query: query.id,
  image: query.imageId ?? null,
  selector,
  shots,
  seed: selector === 'random' ? 0 : null,
  demonstrations: reportLibrary.slice(0, shots).map(({ id }) => id),
  answer: 'an answer',
  accuracy: random.next() < rate ? 1 : 0.3,
  mode: 'file',
  questionType: query.questionType!,
  answerType: query.answerType!,
})

export const reportRows: readonly EvaluationRow[] = reportQueries.flatMap((query) => [
  row(query, 'zero-shot', 0, 0.1),
  ...[1, 2].flatMap((shots) => [
    row(query, 'random', shots, 0.2),
    row(query, 'rices-both', shots, 0.4),
    row(query, 'pointer', shots, 0.7),
    row(query, 'oracle', shots, 1),
  ]),
])

export function reportRun(name: string): ReportRun {
  const examples = reportExamples({
    queries: reportQueries,
    library: reportLibrary,
    rows: reportRows,
    shots: 2,
    focus: 'pointer',
    against: 'random',
    others: ['oracle', 'pointer'],
    more: ['rices-both', 'random'],
    thumbnail: ({ id }) => (id === 102 ? undefined : PIXEL),
  })
  const rewards = describeRewards(
    reportQueries.map((query, i) => ({
      query,
      pool: [],
      outcomes: ['beam', 'random'].map((method, m) => ({
        ids: [101, 102],
        accuracy: i % 2 === 0 ? 0 : (m + 1) / 2,
        answer: '',
        method,
        mode: 'file',
      })),
    })),
  )
  return {
    name,
    summary: summarize(reportRows, { resamples: 200 }),
    rows: reportRows,
    examples,
    rewards,
    curves: [
      {
        name: 'loss',
        unit: 'nats',
        x: 'step',
        series: [
          { name: 'train', points: Array.from({ length: 50 }, (_, i) => [i, 8 - i / 25]) },
          {
            name: 'validation',
            points: [
              [0, 8],
              [49, NaN],
            ],
          },
        ],
      },
    ],
    facts: [{ label: 'reads of the test split', value: '1' }],
    warnings: ['3 images are in training and test'],
  }
}

export const reportInput: ReportInput = {
  title: `A report on ${EVIL}`,
  intro: 'An introduction & more.',
  runs: [reportRun('first')],
}
