import { expect, test } from '@jest/globals'
import { isInputError } from '@lever/durable-files'
import { officialScore } from '@lever/vqa-eval'
import { agreementLabels, agreementOfRlData } from '../src/index.ts'
import type { RlQuery } from '@lever/rl-dataset'
import type { Example } from '../src/index.ts'

const example = (id: number, answer: string, answers: readonly string[] = []): Example => ({
  id,
  questionId: id,
  imageId: `image ${id}`,
  question: `Question ${id}?`,
  answer,
  answers,
})
const human = (text: string, count: number): string[] => Array<string>(count).fill(text)

const queries = [
  example(1, 'red', [...human('red', 6), ...human('blue', 2), ...human('grey', 2)]),
  example(2, 'two', human('two', 10)),
]
const candidates = [
  example(10, 'Red.'),
  example(11, 'blue'),
  example(12, 'green'),
  example(13, '2'),
  example(14, ''),
]
const byQuery = new Map([
  [1, [10, 11, 12, 14]],
  [2, [11, 12, 13]],
])
const pools = { byQuery, method: 'mixed', size: 4, seed: 0 }
const score = officialScore()
const labels = (
  more: Partial<Parameters<typeof agreementLabels>[0]> = {},
): ReturnType<typeof agreementLabels> => agreementLabels({ queries, candidates, pools, score, ...more })

test('a label is the official accuracy of the own answer of the candidate', () => {
  const made = labels()
  const { meta, queries: rows } = made.data
  expect(meta).toMatchObject({ labels: 'agreement', shot_num: 1, pool_size: 4 })
  expect(rows.map(({ candidate_pool_ids }) => candidate_pool_ids)).toEqual([...byQuery.values()])
  const found = rows.map(({ pointer_candidates }) => pointer_candidates.map((one) => one.vqa_acc_score))
  // blue: two of ten say so; without one of the two 1/3, without any other 2/3: (2/3 + 8 * 2/3 ...)/10 = 0.6
  expect(found[0]![0]).toBe(1)
  expect(found[0]![1]).toBeCloseTo((2 * (1 / 3) + 8 * (2 / 3)) / 10, 12)
  expect(found[0]!.slice(2)).toEqual([0, 0])
  // All humans agree, so the official code does not turn "2" into "two", nor the other way round.
  expect(found[1]).toEqual([0, 0, score('2', queries[1]!).accuracy])
  expect(made).toMatchObject({ queries: 2, pairs: 7 })
  expect(made.positive).toBe(found.flat().filter((one) => one! > 0).length)
  expect(rows[0]!.pointer_candidates.map(({ pointer_global }) => pointer_global)).toEqual([
    [10],
    [11],
    [12],
    [14],
  ])
})

test('says that there is nothing to learn', () => {
  const wrong = candidates.map((one) => ({ ...one, answer: 'nothing like it' }))
  let error: unknown
  try {
    labels({ candidates: wrong })
  } catch (thrown) {
    error = thrown
  }
  expect(isInputError(error)).toBe(true)
  expect(String(error)).toMatch(
    /nothing to teach: in 7 pairs of 2 questions.*no candidate's answer is right.*lever generate/,
  )
})

test('RL data whose queries are its library is labelled without a dataset', () => {
  const row = (id: number, pool: readonly number[], answers: readonly string[]): RlQuery => ({
    query_id: id,
    query: { query_id: id, question: 'What?', gt_answers_raw: answers },
    candidate_pool_ids: pool,
    pointer_candidates: [],
  })
  const red = row(1, [2, 3, 9], human('red', 10))
  const blue = row(2, [1, 3], human('blue', 10))
  const mixed = row(3, [1, 2], [...human('red', 7), ...human('blue', 3)])
  const made = agreementOfRlData(
    [
      { meta: {}, queries: [red, blue] },
      { meta: {}, queries: [mixed] },
    ],
    score,
  )!
  const found = made.data.queries.map(({ candidate_pool_ids: pool, pointer_candidates: all }) => [
    pool,
    all.map((one) => one.vqa_acc_score! > 0),
  ])
  // 9 is no query, so nobody knows what it answers.
  expect(found).toEqual([
    [
      [2, 3],
      [false, true],
    ],
    [
      [1, 3],
      [false, false],
    ],
    [
      [1, 2],
      [true, true],
    ],
  ])
  const unknown = row(4, [7, 8, 9, 1], human('red', 10))
  expect(agreementOfRlData([{ meta: {}, queries: [red, unknown] }], score)).toBeUndefined()
  expect(
    agreementOfRlData([{ meta: {}, queries: [row(1, [2], ['red']), row(2, [1], ['blue'])] }], score),
  ).toBeUndefined()
})
