import { describe, expect, test } from '@jest/globals'
import {
  clusteredInterval,
  compareEvaluations,
  evaluateResults,
  evaluationJson,
  fallbackScore,
  formatComparison,
  formatEvaluation,
  InputError,
  perQuestionLines,
  postprocessGeneration,
  scoreAnswer,
  type Annotation,
} from '../src/index.ts'
import { humans, question } from './support.ts'

const answer = (
  question_id: number | string,
  text: string,
): { question_id: number | string; answer: string } => ({
  question_id,
  answer: text,
})

describe('scoreAnswer', () => {
  test.each([
    [0, 0],
    [1, 30],
    [2, 60],
    [3, 90],
    [4, 100],
    [10, 100],
  ])('%i of ten humans agree: %i', (yes, percent) => {
    const answers = Array.from({ length: 10 }, (_, i) => (i < yes ? 'yes' : 'no'))
    expect(scoreAnswer('yes', answers).accuracyPct).toBe(percent)
  })

  test('when all humans agree nothing is normalised', () => {
    const answers = Array<string>(10).fill('yes')
    expect(scoreAnswer('Yes.', answers)).toMatchObject({ accuracy: 0, processed: false, prediction: 'Yes.' })
    expect(scoreAnswer('Yes.', answers, { mode: 'always' })).toMatchObject({ accuracy: 1, prediction: 'yes' })
    expect(scoreAnswer('Yes.', [...answers.slice(1), 'no'])).toMatchObject({ accuracy: 1, processed: true })
  })

  test('equal answer objects exclude each other', () => {
    const same = Array.from({ length: 10 }, () => ({ answer: 'cat' }))
    expect(scoreAnswer('cat', same).accuracy).toBe(0)
    expect(scoreAnswer('cat', Array<string>(10).fill('cat')).accuracy).toBe(1)
    const pair = [1, true, 1.5, 2, 3, 4].map((answer_id) => ({ answer: 'cat', answer_id }))
    expect(scoreAnswer('cat', pair).accuracy).toBe(1)
    expect(scoreAnswer('cat', pair.slice(0, 4)).accuracy).toBeCloseTo((2 / 3) * 0.5 + 0.5, 12)
  })

  test('OK-VQA: five answers twice, so that matches come in twos', () => {
    const answers = ['surf', 'surf', 'wave', 'wave', 'wave', 'wave', 'sea', 'sea', 'swim', 'swim']
    expect(scoreAnswer('surf', answers).accuracyPct).toBe(60)
    expect(scoreAnswer('wave', answers).accuracyPct).toBe(100)
  })

  test('A-OKVQA: min(n / 3, 1) of exact matches', () => {
    const answers = ['cat', 'cat', 'Cat', 'dog']
    expect(scoreAnswer('cat', answers, { mode: 'aokvqa' })).toMatchObject({
      accuracy: 2 / 3,
      processed: false,
    })
    expect(scoreAnswer('Cat', answers, { mode: 'aokvqa' }).accuracyPct).toBe(33.33)
    expect(scoreAnswer(' cat', answers, { mode: 'aokvqa' }).accuracy).toBe(0)
  })

  test('no answers, one answer', () => {
    expect(() => scoreAnswer('yes', [])).toThrow(InputError)
    expect(scoreAnswer('yes', ['yes']).accuracy).toBe(0)
  })

  test('a fallback has to be asked for', () => {
    expect(() => scoreAnswer('yes', ['yes'], { mode: 'fallback' })).toThrow(/--allow-fallback/)
    expect(scoreAnswer('yes', ['yes'], { mode: 'fallback', allowFallback: true })).toMatchObject({
      mode: 'fallback',
      accuracy: 1,
    })
  })
})

describe('fallbackScore', () => {
  test.each([
    ['Yes ', ['yes'], 1, 1],
    ['', ['yes'], 0, 0.5],
    ['yes', [''], 0, 0.5],
    ['', [''], 0, 1],
    ['no', ['snow'], 0, 0.5],
    ['no', ['no snow'], 0.5, 0.5],
    ['a red car', ['red car'], 0.5, 0.5],
    ['car red', ['red car'], 0, 0],
    ['red-car', ['red'], 0.5, 0.5],
    ['a', ['cat'], 0, 0.5],
    ['?', ['?'], 1, 1],
    ['?', ['!'], 0, 0],
    ['café', ['le café noir'], 0.5, 0.5],
    ['caf', ['café'], 0, 0.5],
    ['dog', [], 0, 0],
  ])('%j against %j: %d, compatible %d', (prediction, answers, ours, original) => {
    expect(fallbackScore(prediction, answers).accuracy).toBe(ours)
    expect(fallbackScore(prediction, answers, { compatible: true }).accuracy).toBe(original)
  })

  test('no prediction', () => {
    expect(fallbackScore(null, ['yes'])).toEqual({ correct: false, accuracy: 0 })
    expect(fallbackScore(undefined, ['yes'], { compatible: true })).toEqual({ correct: true, accuracy: 0.5 })
  })
})

test.each([
  ['yes Question: what', 'yes '],
  ['red, white', 'red'],
  ['Shorts', ''],
  ['1,000', '1,000'],
  ['no\nAnswer: yes, no', 'no\n'],
  ['', ''],
])('postprocessGeneration(%j) is %j', (text, expected) => expect(postprocessGeneration(text)).toBe(expected))

describe('evaluateResults', () => {
  const annotations = [
    question(1, 10, { image_id: 1, answer_type: 'yes/no' }),
    question(2, 2, { image_id: 1, answer_type: 'other', question_type: '__proto__' }),
    question(3, 0, { image_id: 2, answer_type: 'other', question_type: 'constructor' }),
    question(4, 4, { image_id: 3, answer_type: 'number', question_type: '__proto__' }),
  ]
  const results = [1, 2, 3, 4].map((id) => answer(id, id === 1 ? 'Yes' : 'yes'))

  test('means over all questions and over types, with counts', () => {
    const evaluation = evaluateResults({ annotations, results })
    expect(evaluation).toMatchObject({
      mode: 'official',
      overall: 40,
      n: 4,
      coverage: 1,
      missing: 0,
      duplicates: 0,
    })
    expect(Object.entries(evaluation.perQuestionType)).toEqual([
      ['is the', 0],
      ['__proto__', 80],
      ['constructor', 0],
    ])
    expect(evaluation.counts.perAnswerType).toMatchObject({ 'yes/no': 1, other: 2, number: 1 })
    expect(evaluation.unprocessed).toEqual({ n: 2, share: 0.5, cost: 25 })
    expect(evaluation.perQuestion.at(1)).toEqual({
      questionId: 2,
      imageId: 1,
      mode: 'official',
      accuracy: 0.6,
      accuracyPct: 60,
      processed: true,
      prediction: 'yes',
    })
    expect(evaluateResults({ annotations: { annotations }, results, mode: 'always' })).toMatchObject({
      mode: 'always',
      overall: 65,
      unprocessed: null,
    })
  })

  test('does not change its input', () => {
    const before = JSON.stringify([annotations, results])
    evaluateResults({ annotations, results })
    expect(JSON.stringify([annotations, results])).toBe(before)
  })

  test('partial results: both denominators', () => {
    expect(() => evaluateResults({ annotations, results: results.slice(1) })).toThrow(
      /^Results do not correspond/,
    )
    const evaluation = evaluateResults({
      annotations,
      results: [...results.slice(1), answer(9, 'x')],
      allowPartial: true,
    })
    expect(evaluation).toMatchObject({
      overall: 40,
      overallAnswered: 53.33,
      n: 4,
      coverage: 0.75,
      answered: 3,
      missing: 1,
      unexpected: 1,
    })
    expect(formatEvaluation(evaluation)).toContain('Coverage: 75.00 % (3 of 4 questions have a prediction)')
    expect(() => evaluateResults({ annotations, results: [answer('1', 'yes')], allowPartial: true })).toThrow(
      /wrong type[^]*There is nothing to score/,
    )
  })

  test('subsets by question, by image, by a seeded sample', () => {
    const ids = (subset: object): unknown[] =>
      Array.from(
        evaluateResults({ annotations, results, subset }).perQuestion,
        ({ questionId }) => questionId,
      )
    expect(ids({ questionIds: [3, 1] })).toEqual([3, 1])
    expect(ids({ imageIds: [1, 3] })).toEqual([1, 2, 4])
    expect(ids({ questionIds: [4, 3, 2], imageIds: [1, 2] })).toEqual([3, 2])
    expect(() => ids({ questionIds: [1, 7, '1'] })).toThrow(
      /2 of the 3 chosen question ids are not in .*: 7, "1"/,
    )
    expect(() => ids({ imageIds: [8] })).toThrow(/1 of the 1 chosen image ids/)
    expect(() => ids({ questionIds: [] })).toThrow(/nothing to score/)
    expect(() => ids({ imageIDs: [1] })).toThrow('did you mean imageIds?')
    expect(() => ids({ sample: { n: 0, seed: 1 } })).toThrow(/positive integer/)

    const many = Array.from({ length: 100 }, (_, id) => question(id, 1))
    const predictions = many.map(({ question_id }) => answer(question_id as number, 'yes'))
    const sample = (rows: readonly Annotation[], n: number, seed: number): unknown[] => {
      const subset = { sample: { n, seed } }
      return Array.from(
        evaluateResults({ annotations: rows, results: predictions, subset }).perQuestion,
        ({ questionId }) => questionId,
      )
    }
    const twenty = sample(many, 20, 7)
    expect(twenty).toHaveLength(20)
    expect(new Set(twenty).size).toBe(20)
    expect([...twenty].sort((a, b) => Number(a) - Number(b))).toEqual(twenty)
    expect(sample(many, 20, 7)).toEqual(twenty)
    expect(sample(many.toReversed(), 20, 7).reverse()).toEqual(twenty)
    expect(sample(many, 20, 8)).not.toEqual(twenty)
    expect(twenty).toEqual(expect.arrayContaining(sample(many, 10, 7)))
    expect(sample(many, 1000, 7)).toHaveLength(100)
  })

  test('A-OKVQA: string ids, difficult questions dropped, extra predictions allowed', () => {
    const rows: Annotation[] = [
      { question_id: '22MexNkBPpdZGX6sxbxVBH', image_id: 1, direct_answers: ['ice', 'ice', 'snow', 'cold'] },
      {
        question_id: '2aq6lX2mrYeBzQtJ9BzhEd',
        image_id: 2,
        direct_answers: ['ice'],
        difficult_direct_answer: true,
      },
      { question_id: '2bDQeJHAvjqAAiYnHzpzpX', image_id: 3, direct_answers: ['a', 'a', 'a', 'b'] },
    ]
    const predictions = [
      answer('22MexNkBPpdZGX6sxbxVBH', 'ice'),
      answer('2bDQeJHAvjqAAiYnHzpzpX', 'a'),
      answer('other', 'x'),
    ]
    const evaluation = evaluateResults({ annotations: rows, results: predictions, mode: 'aokvqa' })
    expect(evaluation).toMatchObject({
      mode: 'aokvqa',
      overall: 83.33,
      n: 2,
      dropped: 1,
      unexpected: 1,
      unprocessed: null,
    })
    expect(Object.keys(evaluation.perAnswerType)).toEqual([])
    expect(() =>
      evaluateResults({ annotations: rows, results: predictions.slice(1), mode: 'aokvqa' }),
    ).toThrow(/\(missing\): "22MexNkBPpdZGX6sxbxVBH"/)
    expect(() => evaluateResults({ annotations: rows, results: predictions })).toThrow(InputError)
  })

  test('a fallback happens only when asked for, is counted, and is never in the official figure', () => {
    const rows = [...annotations, question(5, 0, { answers: [], multiple_choice_answer: 'red car' })]
    const predictions = [...results, answer(5, 'a red car')]
    expect(() => evaluateResults({ annotations: rows, results: predictions })).toThrow(/there are no answers/)
    const mixed = evaluateResults({ annotations: rows, results: predictions, allowFallback: true })
    expect(mixed).toMatchObject({ overall: 40, n: 4, answered: 5, fallback: { n: 1, overall: 50 } })
    expect(mixed.perQuestion.at(4)).toMatchObject({
      questionId: 5,
      mode: 'fallback',
      accuracy: 0.5,
      processed: false,
    })
    expect(formatEvaluation(mixed)).toContain(
      'Fallback: 1 question scored by string match, not in the figures above',
    )

    expect(() => evaluateResults({ annotations: rows, results: predictions, mode: 'fallback' })).toThrow(
      InputError,
    )
    const all = evaluateResults({
      annotations: rows,
      results: predictions,
      mode: 'fallback',
      allowFallback: true,
    })
    expect(all).toMatchObject({ mode: 'fallback', overall: 70, n: 5, fallback: { n: 5, overall: 70 } })
    expect(formatEvaluation(all)).toContain('NOT the official metric')
    expect(() =>
      evaluateResults({ annotations: rows.slice(4), results: predictions.slice(4), allowFallback: true }),
    ).toThrow(/none of the 1 answered questions has human answers/)
    const bare = [question(5, 0, { answers: [] })]
    expect(() =>
      evaluateResults({
        annotations: bare,
        results: predictions.slice(4),
        mode: 'fallback',
        allowFallback: true,
      }),
    ).toThrow(
      /\(question 5\): there are no answers; a string match needs answers or a multiple_choice_answer$/,
    )
  })
})

describe('clusteredInterval', () => {
  test('worked example: clusters {1, 1}, {0, 1}, {0}', () => {
    const interval = clusteredInterval([1, 1, 0, 1, 0], ['a', 'a', 'b', 'b', 'c'])!
    const squares = 0.8 ** 2 + 0.2 ** 2 + 0.6 ** 2
    const error = Math.sqrt(1.5 * squares) / 5
    expect(interval.mean).toBeCloseTo(0.6, 12)
    expect(interval.standardError).toBeCloseTo(error, 12)
    expect(interval.low).toBeCloseTo(0.6 - 1.959963984540054 * error, 12)
    expect(interval.clusters).toBe(3)
  })

  test('clusters of one give the usual standard error', () => {
    const { standardError } = clusteredInterval([0, 0, 1, 1], [1, 2, 3, 4])!
    expect(standardError).toBeCloseTo(Math.sqrt(1 / 3 / 4), 12)
  })

  test('one cluster, no values, all equal', () => {
    expect(clusteredInterval([1, 0], [1, 1])).toBeNull()
    expect(clusteredInterval([], [])).toBeNull()
    expect(clusteredInterval([1, 1], [1, 2])).toMatchObject({ low: 1, high: 1, standardError: 0 })
  })
})

describe('reports', () => {
  const annotations = [
    question(1, 10),
    question(2, 10, { image_id: 2 }),
    question('x', 3, { question_type: 'what' }),
  ]
  const results = [answer(1, 'yes'), answer(2, 'Yes'), answer('x', 'yes')]
  const evaluation = evaluateResults({ annotations, results })

  test('text', () => {
    expect(formatEvaluation(evaluation)).toBe(`Mode official: 3 questions
Overall accuracy: 63.33   (95 %: 0.00 to 100.00, clustered by 2 images)

Per answer type:
  yes/no   63.33  n = 3

Per question type:
  is the   50.00  n = 2
  what     90.00  n = 1

Compared without normalising, because all humans agree: 2 questions (66.67 %);
  normalising them too would give +33.33 points (--mode always)
`)
  })

  test('JSONL', () => {
    expect([...perQuestionLines(evaluation)].join(''))
      .toBe(`{"question_id":1,"accuracy":1,"accuracy_pct":100,"mode":"official","processed":false}
{"question_id":2,"accuracy":0,"accuracy_pct":0,"mode":"official","processed":false}
{"question_id":"x","accuracy":0.9,"accuracy_pct":90,"mode":"official","processed":true}
`)
  })

  test('comparison', () => {
    const other = evaluateResults({
      annotations,
      results: [answer(1, 'no'), answer(2, 'yes'), answer('x', 'no')],
    })
    const comparison = compareEvaluations(evaluation, other)
    expect(formatComparison(comparison, { limit: 1 }))
      .toBe(`Difference to the other results: -3.33 points   (95 %: -129.64 to +122.98, clustered by 2 images)
  3 questions paired: 1 better, 2 worse, 0 the same
  flipped from 0 to above 0: 1
    question 1: "no" (0.00) -> "yes" (100.00)
  flipped from above 0 to 0: 1
    question 2: "yes" (100.00) -> "Yes" (0.00)
`)
    const json = evaluationJson(evaluation, comparison)
    expect(JSON.parse(JSON.stringify(json))).toMatchObject({
      mode: 'official',
      overall: 63.33,
      n: 3,
      coverage: 1,
      diff: {
        n: 3,
        gained: [{ question_id: 1, accuracy: 1, other_accuracy: 0, answer: 'yes', other_answer: 'no' }],
      },
    })
    expect(Object.keys(JSON.parse(JSON.stringify(json)) as object)).not.toContain('perQuestion')
  })

  test('evaluations without a common question', () => {
    const alone = evaluateResults({ annotations: [question(7, 1)], results: [answer(7, 'yes')] })
    expect(() => compareEvaluations(evaluation, alone)).toThrow(/share no question/)
  })
})

test('humans() builds what the official files hold', () => {
  expect(humans(['a'])).toEqual([{ answer: 'a', answer_confidence: 'yes', answer_id: 1 }])
})
