import { describe, expect, test } from '@jest/globals'
import type { RlCandidate, RlData } from '@lever/rl-dataset'
import { evaluateMeasured, methodRows } from '../src/offline/evaluate-measured.ts'
import { measuredOf, measuredQueries } from '../src/offline/measured-queries.ts'
import { majorityVote } from '../src/selectors/majority-vote.ts'
import { oracle } from '../src/selectors/oracle.ts'
import { pointer } from '../src/selectors/pointer.ts'
import { overLibrary } from '../src/selectors/scope.ts'
import { random } from '../src/selectors/random.ts'
import { resolveSelectors } from '../src/selectors/resolve.ts'
import { worst } from '../src/selectors/worst.ts'
import { summarize } from '../src/summary/summarize.ts'
import type { Example } from '../src/types.ts'
import { officialScore } from './toy-world.ts'

const outcome = (
  pointer: number[],
  accuracy: number | null,
  over: Partial<RlCandidate> = {},
): RlCandidate => ({
  pointer,
  gen_method: 'random',
  vqa_acc_score: accuracy,
  vqa_eval_mode: 'file',
  vqa_pred_answer: 'x',
  ...over,
})

const data: RlData = {
  meta: null,
  queries: [
    {
      query_id: 1,
      query: { query_id: 1, image_id: 7, question: 'q1', gt_answers_raw: ['cat', 'cat'] },
      candidate_pool_ids: [10, 11, 12],
      pointer_candidates: [
        outcome([10, 11], 0.3),
        outcome([11, 10], 0.9, { gen_method: 'beam' }),
        outcome([12, 10], 0, { shots: [{ k: 1, vqa_acc_score: 0.6, vqa_eval_mode: 'file' }] }),
      ],
    },
    {
      query_id: 2,
      query: { query_id: 2, image_id: 8, question: 'q2', gt_answers_raw: ['dog'] },
      candidate_pool_ids: null,
      pointer_candidates: [
        outcome([0, 1], 1, { pointer_global: [20, 21], gen_method: 'beam' }),
        outcome([20, 22], 1, { vqa_eval_mode: 'fallback' }),
        outcome([21, 22], null),
        outcome([22, 20], 1, { eval_failed: true }),
      ],
    },
  ],
}

describe('measuredQueries', () => {
  test('reads scored outcomes, prefixes and pools, and counts what it leaves out', () => {
    const { queries, skipped } = measuredQueries(data)
    expect(queries[0]!.outcomes.map(({ ids, accuracy }) => [ids, accuracy])).toEqual([
      [[10, 11], 0.3],
      [[11, 10], 0.9],
      [[12, 10], 0],
      [[12], 0.6],
    ])
    expect(queries[1]!.outcomes.map(({ ids }) => ids)).toEqual([[20, 21]])
    expect(queries[1]!.pool.map(({ id }) => id)).toEqual([20, 21])
    expect(queries[0]!.query).toMatchObject({ id: 1, imageId: 7, question: 'q1', answer: 'cat' })
    expect(Object.fromEntries(skipped)).toEqual({
      'scored by the fallback': 1,
      'without vqa_acc_score': 1,
      failed: 1,
    })
    expect(measuredQueries(data, { allowFallback: true }).queries[1]!.outcomes).toHaveLength(2)
  })

  test('takes examples from the data set where it has them, and refuses data without outcomes', () => {
    const example = { id: 10, questionId: 10, imageId: 5, question: 'who?', answer: 'me', answers: ['me'] }
    const { queries } = measuredQueries(data, { examples: new Map([[10, example]]) })
    expect(queries[0]!.pool[0]).toBe(example)
    const same = {
      id: 1,
      questionId: 1,
      imageId: 6,
      question: 'another one',
      answer: 'you',
      answers: ['you'],
    }
    const [first] = measuredQueries(data, {
      examples: new Map([[1, same]]),
      queryExamples: new Map(),
    }).queries
    expect(first!.query).toMatchObject({ id: 1, question: 'q1', answer: 'cat' })
    const failed = { ...data.queries[0]!, pointer_candidates: [outcome([10, 11], null)] }
    expect(() => measuredQueries({ meta: null, queries: [failed] })).toThrow(
      'no scored outcome (without vqa_acc_score: 1)',
    )
  })
})

describe('evaluateMeasured', () => {
  const { queries } = measuredQueries(data)
  const measured = measuredOf(queries)
  const turned = pointer({
    name: 'turned',
    select: ({ pool }, k) =>
      pool
        .slice(0, k)
        .map(({ id }) => id)
        .reverse(),
  })

  test('selectors of the library choose from it where it is given, else from the measured pool', async () => {
    const example = (id: number, imageId: number): Example => ({
      ...{ id, questionId: id, imageId, question: `q${id}`, answer: 'a', answers: ['a'] },
    })
    const first = overLibrary(
      pointer({
        name: 'first',
        select: ({ pool, excluded }, k) =>
          pool
            .map(({ id }) => id)
            .filter((id) => !excluded?.has(id))
            .slice(0, k),
      }),
    )
    const options = { queries, selectors: [first], shots: [2] }
    expect((await evaluateMeasured(options)).rows.map(({ demonstrations }) => demonstrations)).toEqual([
      [10, 11],
      [20, 21],
    ])
    const library = [example(5, 7), example(11, 1), example(10, 2), example(99, 3)]
    const { rows, coverage } = await evaluateMeasured({ ...options, library })
    expect(rows.map(({ query, demonstrations }) => [query, demonstrations])).toEqual([[1, [11, 10]]])
    expect(coverage).toEqual([{ selector: 'first', shots: 2, choices: 2, measured: 1 }])
  })

  test('static is of the library where it is given, pool:static of the measured pool', async () => {
    const example = (id: number): Example => ({
      ...{ id, questionId: id, imageId: id, question: `q${id}`, answer: 'a', answers: ['a'] },
    })
    const effects = new Map([
      [99, 0.5],
      [11, 0.4],
      [10, 0.3],
      [21, 0.2],
      [20, 0.1],
    ])
    const selectors = resolveSelectors(['static', 'pool:static'], { sets: effects })
    const library = [10, 11, 20, 21, 99].map(example)
    const { rows, coverage } = await evaluateMeasured({ queries, selectors, shots: [2], library })
    expect(coverage.map(({ selector, choices, measured: of }) => [selector, choices, of])).toEqual([
      ['static', 2, 0],
      ['pool:static', 2, 2],
    ])
    expect(rows.map(({ query, demonstrations }) => [query, demonstrations])).toEqual([
      [1, [10, 11]],
      [2, [20, 21]],
    ])
    const alone = await evaluateMeasured({ queries, selectors: selectors.slice(0, 1), shots: [2] })
    expect(alone.rows.map(({ demonstrations }) => demonstrations)).toEqual([
      [10, 11],
      [20, 21],
    ])
  })

  test('looks choices up and shows coverage', async () => {
    const { rows, coverage } = await evaluateMeasured({
      queries,
      selectors: [turned, oracle({ measured }), worst({ measured })],
      shots: [2],
    })
    expect(coverage).toEqual([
      { selector: 'turned', shots: 2, choices: 2, measured: 1 },
      { selector: 'oracle', shots: 2, choices: 2, measured: 2 },
      { selector: 'worst', shots: 2, choices: 2, measured: 2 },
    ])
    expect(rows.map((row) => [row.selector, row.query, row.accuracy])).toEqual([
      ['turned', 1, 0.9],
      ['oracle', 1, 0.9],
      ['oracle', 2, 1],
      ['worst', 1, 0],
      ['worst', 2, 1],
    ])
  })

  test('a set may be enough', async () => {
    const { coverage, rows } = await evaluateMeasured({
      queries,
      selectors: [turned],
      shots: [2],
      match: 'set',
    })
    expect(coverage[0]).toMatchObject({ choices: 2, measured: 2 })
    expect(rows.map((row) => row.accuracy)).toEqual([0.3, 1])
  })

  test('random is the mean of the random proposals', async () => {
    const { rows } = await evaluateMeasured({ queries, selectors: [random()] })
    const table = summarize(rows, { resamples: 10 }).table
    expect(table.map(({ shots, accuracy, n }) => [shots, accuracy, n])).toEqual([
      [1, expect.closeTo(0.6, 12), 1],
      [2, expect.closeTo(0.15, 12), 1],
    ])
  })

  test('a selector without a model needs a score; one that cannot choose is not covered', async () => {
    const vote = { queries, selectors: [majorityVote()] }
    expect((await evaluateMeasured(vote)).coverage[0]!.measured).toBe(0)
    const unknown = await evaluateMeasured({ ...vote, score: officialScore })
    expect(unknown.coverage[0]!.measured).toBe(0)
    const cat = { id: 11, questionId: 11, imageId: 5, question: 'who?', answer: 'cat', answers: ['cat'] }
    const known = measuredQueries(data, { examples: new Map([[11, cat]]), queryExamples: new Map() })
    const { rows } = await evaluateMeasured({
      queries: known.queries,
      selectors: [majorityVote()],
      score: (answer, { answers }) => ({ accuracy: answers.includes(answer) ? 1 : 0, mode: 'file' }),
    })
    expect(rows.map((row) => [row.query, row.shots, row.accuracy, row.prompts])).toEqual([[1, 0, 0, 0]])
    const { coverage } = await evaluateMeasured({ queries, selectors: [turned], shots: [3] })
    expect(coverage[0]).toEqual({ selector: 'turned', shots: 3, choices: 2, measured: 0 })
  })

  test('methods can be compared', () => {
    const table = summarize(methodRows(queries), { resamples: 10 }).table
    expect(table.map(({ selector, shots, accuracy }) => [selector, shots, accuracy])).toEqual([
      ['method:random', 2, expect.closeTo(0.15, 12)],
      ['method:beam', 2, expect.closeTo(0.95, 12)],
      ['method:random', 1, expect.closeTo(0.6, 12)],
    ])
  })
})

test('300 queries with 992 measured pointers each', async () => {
  const ids = Array.from({ length: 992 }, (_, i) => [1000 + i, 1000 + ((i + 1) % 992)])
  const queries = Array.from({ length: 300 }, (_, id) => ({
    query: { id, questionId: id, imageId: id, question: '', answer: '', answers: [] },
    pool: ids.map(([id = 0]) => ({
      id,
      questionId: id,
      imageId: null,
      question: '',
      answer: '',
      answers: [],
    })),
    outcomes: ids.map((pair, i) => ({
      ids: pair,
      accuracy: (i % 4) / 4,
      answer: '',
      method: 'random',
      mode: 'file' as const,
    })),
  }))
  const selectors = [random(), oracle({ measured: measuredOf(queries) })]
  const { rows } = await evaluateMeasured({ queries, selectors })
  expect(rows).toHaveLength(300 * 992 + 300)
  const all = [...rows, ...methodRows(queries)]
  expect(summarize(all, { resamples: 100 }).table.map(({ accuracy }) => accuracy)).toEqual([
    0.375, 0.75, 0.375,
  ])
})
