import { describe, expect, test } from '@jest/globals'
import { formatProblem } from '../src/index.ts'
import { candidate, errorRules, problemsOf, read } from './helpers.ts'

const pool = [100, 101, 102, 103]
const local = (pointer: number[], pointer_global: number[]): Record<string, unknown> =>
  candidate(pointer, 1, { pointer_global })
const withPool = (...candidates: unknown[]): unknown => ({
  42: { query: {}, candidate_pool_ids: pool, pointer_candidates: [local([0, 1], [100, 101]), ...candidates] },
})
const global = (...candidates: unknown[]): unknown => ({
  42: { query: {}, pointer_candidates: [candidate([4, 5], 1), ...candidates] },
})

describe('the strict pointer map names file, query and candidate', () => {
  test.each([
    [
      'an id that the pool does not have',
      withPool(candidate([100, 99], 1)),
      'pointer 99 is not in the pool of 4',
    ],
    ['an id twice', global(candidate([6, 6], 1)), 'pointer 6 occurs twice in [6, 6]'],
    [
      'the query itself',
      global(candidate([6, 42], 1)),
      'pointer 42 is the query itself, as its own demonstration',
    ],
    ['a wrong length', global(candidate([6, 7, 8], 1)), 'the pointer has 3 demonstrations, expected 2'],
    ['a position outside', withPool(local([0, 4], [100, 103])), 'position 4 is outside the pool of 4 (0..3)'],
    [
      'pool and ids disagree',
      withPool(local([0, 2], [100, 103])),
      'position 2 of the pool is 102, but pointer_global says 103',
    ],
    ['lengths disagree', withPool(local([0], [100, 103])), 'the pointer has 1 demonstrations, expected 2'],
    ['no pointer', global({ gen_method: 'beam' }), 'there is no pointer'],
    ['an empty pointer', global(candidate([], 1)), 'pointer must NOT have fewer than 1 items'],
    ['text for a pointer', global({ pointer: '4, 5' }), 'pointer must be a list of ids'],
    [
      'a fraction',
      global(candidate([4, 5.5], 1)),
      'pointer must be a list of ids (integers from 0 to 2^53 - 1), got [4,5.5]',
    ],
    ['an id beyond 2^53', global(candidate([4, 2 ** 53], 1)), 'pointer must be a list of ids'],
    [
      'an unknown eval mode',
      global(candidate([5, 6], 1, { vqa_eval_mode: 'maybe' })),
      'vqa_eval_mode "maybe" is unknown',
    ],
    ['accuracy over 1', global(candidate([5, 6], 1.2)), 'vqa_acc_score must be <= 1, got 1.2'],
    [
      'correctness 2',
      global(candidate([5, 6], 1, { vqa_correct: 2 })),
      'vqa_correct must be equal to one of the allowed values (0, 1, null), got 2',
    ],
    [
      'a score as text',
      global(candidate([5, 6], 1, { beam_score: 'high' })),
      'beam_score must be number,null, got "high"',
    ],
    ['a candidate that is a number', global(5), 'a candidate must be an object, got 5'],
  ])('%s', (_, file, message) => {
    expect(() => read(file)).toThrow(`rl-dataset: data.json: query 42, candidate 1: ${message}`)
    expect(() => read(file)).toThrow(expect.objectContaining({ name: 'InputError', code: 'LEVER_INPUT' }))
  })

  test('the number of demonstrations comes from the caller, else _meta, else the first pointer', () => {
    expect(errorRules(global(), { shotNum: 3 })).toEqual(['pointer-length'])
    expect(errorRules({ ...(global() as object), _meta: { shot_num: 3 } })).toEqual(['pointer-length'])
    const mixed = {
      1: { query: {}, pointer_candidates: [candidate([4, 5], 1)] },
      2: { query: {}, pointer_candidates: [candidate([4], 1)] },
    }
    expect(problemsOf(mixed)).toMatchObject([{ rule: 'pointer-length', queryId: 2, candidate: 0 }])
  })
})

describe('the pool', () => {
  const file = (candidate_pool_ids: unknown, meta?: object): unknown => ({
    42: { query: {}, candidate_pool_ids, pointer_candidates: [local([0, 1], [100, 101])] },
    ...(meta ? { _meta: meta } : {}),
  })

  test('an id twice, no ids, too many', () => {
    expect(errorRules(file([100, 101, 100]))).toEqual(['pool-duplicate'])
    expect(errorRules(file([]))).toEqual(['pool'])
    expect(errorRules(file(['a']))).toEqual(['pool'])
    expect(errorRules(file(pool, { pool_size: 3 }))).toEqual(['pool-size'])
  })

  test('warnings: smaller than said, and with the query in it', () => {
    expect(problemsOf(file(pool, { pool_size: 9 }))).toMatchObject([
      { severity: 'warning', rule: 'pool-size' },
    ])
    expect(problemsOf(file([...pool, 42]))).toMatchObject([{ severity: 'warning', rule: 'pool-self' }])
  })

  test('positions or two spellings without a pool are errors', () => {
    const noPool = { 42: { query: {}, pointer_candidates: [local([0, 1], [100, 101])] } }
    expect(errorRules(noPool)).toEqual(['pool-missing'])
    expect(errorRules({ ...(global() as object), _meta: { index_space: 'local' } })).toEqual(['pool-missing'])
  })
})

test('query.query_id must be the key', () => {
  expect(() => read({ 42: { query: { query_id: 43 }, pointer_candidates: [] } })).toThrow(
    'query 42: query.query_id is 43, but the key of the query is 42',
  )
})

test('all problems are found, counted, and listed up to a limit', () => {
  const bad = Array.from({ length: 30 }, () => candidate([42, 42], 3))
  const problems = problemsOf({ 42: { query: {}, pointer_candidates: bad } }, { limit: 5 })
  expect(problems).toHaveLength(5)
  expect(() => read({ 42: { query: {}, pointer_candidates: bad } })).toThrow(
    '(and 29 more errors; validate lists them)',
  )
})

test('what is merely odd is a warning with its place', () => {
  const answers = new Array(10).fill('red')
  const file = {
    42: {
      query: { gt_answers_raw: answers },
      pointer_candidates: [
        candidate([4, 5], 0.6, { vqa_correct: 0 }),
        candidate([4, 5], 0.5),
        candidate([5, 4], 1, { pointer_pos: [1, 0] }),
      ],
    },
  }
  const problems = problemsOf(file)
  expect(problems.map(({ severity, rule, candidate: at }) => [severity, rule, at])).toEqual([
    ['warning', 'correct-vs-accuracy', 0],
    ['warning', 'accuracy-grid', 1],
    ['warning', 'duplicate-pointer', 1],
    ['warning', 'pointer-pos', 2],
  ])
  expect(formatProblem('data.json', problems[0]!)).toBe(
    'data.json: query 42, candidate 0: vqa_correct is 0, but vqa_acc_score is 0.6',
  )
})
