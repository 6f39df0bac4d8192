import { describe, expect, test } from '@jest/globals'
import {
  cleanAnswer,
  evaluateResults,
  fallbackScore,
  normalizeAnswer,
  processPunctuation,
  scoreAnswer,
  type Evaluation,
} from '../src/index.ts'
import { scoreFiles } from '../src/node.ts'
import {
  annotationOf,
  predictionOf,
  readAggregates,
  readVectors,
  writeFiles,
  type Aggregate,
} from './support.ts'

const vectors = readVectors()
const annotations = vectors.map(annotationOf)
const results = vectors.map(predictionOf)
const byId = new Map(vectors.map((vector) => [vector.question_id, vector]))

/** What differs, so that one failing vector does not hide the others. */
function differences(check: (vector: (typeof vectors)[number]) => [unknown, unknown][]): unknown[] {
  return vectors.flatMap((vector) =>
    check(vector)
      .filter(([ours, theirs]) => JSON.stringify(ours) !== JSON.stringify(theirs))
      .map(([ours, theirs]) => ({ question: vector.question_id, family: vector.family, ours, theirs })),
  )
}

describe('3,200 questions scored by the official code', () => {
  test('all are there', () => expect(vectors).toHaveLength(3200))

  test('accuracy, branch and compared strings', () => {
    const wrong = differences(({ prediction, answers, answer_objects, expected }) => {
      const score = scoreAnswer(prediction, answer_objects ?? answers)
      expect(Math.abs(score.accuracy - expected.accuracy)).toBeLessThanOrEqual(1e-12)
      return [
        [score.accuracyPct, expected.accuracy_pct],
        [score.processed, expected.processed],
        [score.prediction, expected.prediction_compared],
        [score.answers, expected.answers_compared],
      ]
    })
    expect(wrong).toEqual([])
  })

  test('every step of the normaliser', () => {
    const wrong = differences(({ prediction, expected }) => [
      [cleanAnswer(prediction), expected.prediction_clean],
      [processPunctuation(cleanAnswer(prediction)), expected.prediction_punct],
      [normalizeAnswer(prediction), expected.prediction_full],
    ])
    expect(wrong).toEqual([])
  })

  test('mode always is the metric of the original project', () => {
    const wrong = differences(({ prediction, answers, answer_objects, expected }) => [
      [
        scoreAnswer(prediction, answer_objects ?? answers, { mode: 'always' }).accuracyPct,
        expected.leverplus_pct,
      ],
    ])
    expect(wrong).toEqual([])
  })

  test('the compatible fallback is the string matcher of the original project', () => {
    const wrong = differences(({ prediction, answers, expected }) => {
      const { correct, accuracy } = fallbackScore(prediction, answers, { compatible: true })
      return [[[Number(correct), accuracy], expected.fallback]]
    })
    expect(wrong).toEqual([])
  })
})

function expectAggregate(evaluation: Evaluation, aggregate: Aggregate): void {
  expect(evaluation.overall).toBe(aggregate.overall)
  expect(Math.abs(evaluation.overallRaw - aggregate.overall_raw)).toBeLessThanOrEqual(1e-10)
  expect(Object.entries(evaluation.perQuestionType).sort()).toEqual([...aggregate.perQuestionType].sort())
  expect(Object.entries(evaluation.perAnswerType).sort()).toEqual([...aggregate.perAnswerType].sort())
}

describe('accuracies over sets of questions', () => {
  const [repeated, pure] = [true, false].map((wanted) =>
    readAggregates().filter(({ name }) => name.startsWith('repeat_ids') === wanted),
  )

  test.each(pure!.map((aggregate) => [aggregate.name, aggregate] as const))('%s', (_, aggregate) => {
    const { question_ids: ids } = aggregate
    const rows = ids === 'all' ? vectors : ids.map((id) => byId.get(id)!)
    const evaluation = evaluateResults({
      annotations: rows.map(annotationOf),
      results: rows.map(predictionOf),
    })
    expectAggregate(evaluation, aggregate)
  })

  test('the same as a subset of all questions', () => {
    for (const aggregate of pure!.filter(({ name }) => name.startsWith('tie:'))) {
      const subset = { questionIds: aggregate.question_ids as readonly (number | string)[] }
      expectAggregate(evaluateResults({ annotations, results, subset }), aggregate)
    }
  })

  test('the same from files', async () => {
    const files = await writeFiles({
      'annotations.json': JSON.stringify({ annotations }),
      'results.json': JSON.stringify(results),
    })
    const { evaluation } = await scoreFiles({
      annotations: files['annotations.json'],
      results: files['results.json'],
    })
    expectAggregate(
      evaluation,
      pure!.find(({ name }) => name === 'all')!,
    )
    const expected = vectors.map(({ question_id, expected: { accuracy_pct } }) => [question_id, accuracy_pct])
    expect(Array.from(evaluation.perQuestion, (score) => [score.questionId, score.accuracyPct])).toEqual(
      expected,
    )
  })

  test('a repeated question scores the same every time, unlike the official code', () => {
    const gaps = repeated!.map(({ question_ids: ids, overall }) => {
      const questionIds = ids as readonly (number | string)[]
      const evaluation = evaluateResults({ annotations, results, subset: { questionIds } })
      const mean =
        questionIds.reduce<number>((sum, id) => sum + byId.get(id)!.expected.accuracy, 0) / questionIds.length
      expect(evaluation.n).toBe(questionIds.length)
      expect(evaluation.overallRaw).toBeCloseTo(100 * mean, 10)
      return evaluation.overall - overall
    })
    expect(gaps).toHaveLength(2)
    expect(gaps.some((gap) => gap !== 0)).toBe(true)
  })
})
