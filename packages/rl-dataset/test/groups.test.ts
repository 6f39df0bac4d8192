import { describe, expect, test } from '@jest/globals'
import type { RewardTerm } from '@lever/reward-utils'
import { buildGroups, renderDropped, type GroupOptions, type RlData } from '../src/index.ts'
import { candidate, indexOf, indexUpTo, read } from './helpers.ts'

const data = (...candidates: unknown[]): RlData =>
  read({ 7: { query: { image_id: 3 }, pointer_candidates: candidates } })
const two = [candidate([4, 5], 1), candidate([5, 4], 0)]
const rewardsOf = (input: RlData, options: GroupOptions = {}): number[][] =>
  buildGroups(input, indexUpTo(20), options).groups.map(({ rawRewards }) => Array.from(rawRewards))

test('a group', () => {
  const withPool = read({
    7: {
      query: { image_id: 3 },
      candidate_pool_ids: [12, 10, 11],
      pointer_candidates: [
        candidate([0, 2], 1, { pointer_global: [12, 11], logprob_score: -1 }),
        candidate([1, 0], 0, { pointer_global: [10, 12], logprob_score: -2, gen_method: 'beam' }),
      ],
    },
  })
  const { groups, dropped, flat, poolsFromPointers } = buildGroups(withPool, indexOf(7, 10, 11, 12))
  expect(groups).toEqual([
    {
      queryId: 7,
      imageId: 3,
      queryRow: 0,
      poolIds: [12, 10, 11],
      poolRows: Int32Array.of(3, 1, 2),
      pointers: Int32Array.of(0, 2, 1, 0),
      size: 2,
      shots: 2,
      rewards: Float64Array.of(1 / Math.SQRT2, -1 / Math.SQRT2),
      rawRewards: Float64Array.of(2, 0),
      accuracies: Float64Array.of(1, 0),
      logProbs: Float64Array.of(-1, -2),
      methods: ['random', 'beam'],
    },
  ])
  expect([dropped.size, flat, poolsFromPointers]).toEqual([0, 0, 0])
})

describe('the pool and the embeddings', () => {
  test('without a pool it is the sorted union of the kept pointers', () => {
    const { groups, poolsFromPointers } = buildGroups(
      data(...two, candidate([9, 1], 1, { vqa_eval_mode: 'error' })),
      indexUpTo(10),
    )
    expect(groups[0]!.poolIds).toEqual([4, 5])
    expect(Array.from(groups[0]!.pointers)).toEqual([0, 1, 1, 0])
    expect(poolsFromPointers).toBe(1)
  })

  test('an id without a row is an error with file, query and candidate', () => {
    expect(() => buildGroups(data(...two), indexOf(7, 4), { file: 'rl.json' })).toThrow(
      'rl-dataset: rl.json: query 7, candidate 0: id 5 has no row in the embeddings (2 rows)',
    )
    expect(() => buildGroups(data(...two), indexOf(4, 5))).toThrow('query 7 has no row in the embeddings')
  })

  test('queries may have embeddings of their own', () => {
    const index = indexOf(5, 4)
    const { groups } = buildGroups(data(...two), index, { queryEmbeddings: indexOf(1, 7) })
    expect([groups[0]!.queryRow, ...groups[0]!.poolRows]).toEqual([1, 1, 0])
  })

  test('ids of embeddings must be whole numbers and differ', () => {
    expect(() => buildGroups(data(), indexOf(1, 2, 1))).toThrow('id 1 of the embeddings is given twice')
    expect(() => buildGroups(data(), indexOf(2 ** 60))).toThrow('is not a whole number below 2^53')
  })
})

describe('what is left out is counted', () => {
  const odd = [
    ...two,
    candidate([6, 4], 1, { vqa_eval_mode: 'fallback' }),
    candidate([6, 5], 1, { vqa_eval_mode: 'error' }),
    candidate([6, 8], 1, { eval_failed: true }),
    candidate([6, 9], 1, { gen_method: 'global_positive_injection' }),
    candidate([8, 4], 1, { gen_method: 'beam' }),
  ]

  test('by default', () => {
    const { groups, dropped, candidates } = buildGroups(data(...odd), indexUpTo(20))
    expect(groups[0]!.size).toBe(3)
    expect(candidates).toBe(7)
    expect(Object.fromEntries(dropped)).toEqual({
      'candidate.fallback': 1,
      'candidate.error': 1,
      'candidate.eval_failed': 1,
      'candidate.transferred_reward': 1,
    })
    expect(renderDropped(dropped).split('\n')[0]).toBe('left out: 1 (candidate.error)')
  })

  test('fallback and transferred outcomes on request, methods by name', () => {
    const size = (options: GroupOptions): number =>
      buildGroups(data(...odd), indexUpTo(20), options).groups[0]?.size ?? 0
    expect(size({ skipFallbackReward: false })).toBe(4)
    expect(size({ includeTransferred: true })).toBe(4)
    expect(size({ filterGenMethods: ['random'] })).toBe(2)
    expect(size({ filterGenMethods: ['beam', 'random'] })).toBe(3)
    expect(size({ filterGenMethods: null })).toBe(3)
  })

  test('queries', () => {
    const file = read({
      1: { query: {}, pointer_candidates: [] },
      2: { query: {}, pointer_candidates: [candidate([4, 5], 1)] },
      3: { query: {}, pointer_candidates: [candidate([4, 5], 1, { vqa_eval_mode: 'error' })] },
      4: { query: {}, pointer_candidates: [candidate([6, 5], 0), candidate([5, 6], 0)] },
    })
    const { groups, dropped, flat } = buildGroups(file, indexUpTo(20))
    expect(Object.fromEntries(dropped)).toEqual({
      'query.empty': 1,
      'query.single_pointer': 1,
      'candidate.error': 1,
      'query.nothing_left': 1,
    })
    expect([groups.length, flat]).toEqual([1, 1])
    expect(Array.from(groups[0]!.rewards)).toEqual([0, 0])
    expect(buildGroups(file, indexUpTo(20), { minSize: 1 }).groups).toHaveLength(2)
    expect(
      buildGroups(file, indexUpTo(20), { requirePositiveQuery: true }).dropped.get('query.no_positive'),
    ).toBe(1)
  })

  test('a positive query is one with vqa_correct 1, whatever the reward mode', () => {
    const low = data(candidate([4, 5], 0.3), candidate([5, 4], 0))
    const reward = { mode: 'soft_only' } as const
    expect(buildGroups(low, indexUpTo(9), { reward, requirePositiveQuery: true }).groups).toHaveLength(1)
    expect(buildGroups(low, indexUpTo(9), { reward, requirePositiveQuery: 'reward' }).groups).toHaveLength(0)
  })
})

describe('rewards', () => {
  test('any mode, several modes, raw and normalised', () => {
    expect(rewardsOf(data(...two), { reward: { mode: 'hard_only', hardWeight: 3 } })).toEqual([[3, 0]])
    const terms: RewardTerm[] = [
      { mode: 'hard_only', weight: 1 },
      { mode: 'soft_only', weight: 0.5 },
    ]
    expect(rewardsOf(data(...two), { reward: terms })).toEqual([[1.5, 0]])
    const { groups } = buildGroups(data(...two), indexUpTo(9), {
      reward: terms,
      combine: 'normalize_then_sum',
      normalize: 'rank_normalize',
    })
    expect(Array.from(groups[0]!.rewards)).toEqual([1.5, -1.5])
  })

  test('modes that cancel each other are flat, unless each is normalised first', () => {
    const outcomes = [
      candidate([4, 5], 1, { vqa_acc_score: 0.5 }),
      candidate([5, 4], 0, { vqa_acc_score: 1 }),
    ]
    const reward: RewardTerm[] = [
      { mode: 'hard_only', weight: 0.5 },
      { mode: 'soft_only', weight: 1 },
    ]
    const build = (combine: 'sum_then_normalize' | 'normalize_then_sum'): [number, number[]] => {
      const { groups, flat } = buildGroups(data(...outcomes), indexUpTo(9), {
        reward,
        combine,
        normalize: 'rank_normalize',
      })
      return [flat, Array.from(groups[0]!.rewards)]
    }
    expect(build('sum_then_normalize')).toEqual([1, [0, 0]])
    expect(build('normalize_then_sum')).toEqual([0, [-0.5, 0.5]])
  })

  test('the sum over the first k demonstrations', () => {
    const shots = [{ k: 1, vqa_correct: 1, vqa_acc_score: 0.3 }]
    const input = data(
      candidate([4, 5], 1, { shots }),
      candidate([5, 4], 0, { shots: [{ k: 1, vqa_correct: 0, vqa_acc_score: 0 }] }),
    )
    expect(rewardsOf(input, { shotWeights: [0.5, 1] })).toEqual([[0.65 + 2, 0]])
    expect(rewardsOf(input, { shotWeights: [0, 1] })).toEqual([[2, 0]])
    expect(() => rewardsOf(data(...two), { shotWeights: [1, 1] })).toThrow(
      'query 7: candidate 0 has no outcome of its first 1 demonstrations',
    )
    expect(() => rewardsOf(input, { shotWeights: [1] })).toThrow('2 rewards and 1 weights')
  })

  test('a reward that cannot be computed names the query', () => {
    expect(() =>
      rewardsOf(data(...two), { reward: { mode: 'hard01_plus_gtprob' }, file: 'rl.json' }),
    ).toThrow(
      'rl-dataset: rl.json: query 7: mode hard01_plus_gtprob needs vqa_gt_prob, which candidate 0 does not have',
    )
  })

  test('log-probabilities only when all are present', () => {
    const some = data(
      candidate([4, 5], 1, { logprob_score: -1 }),
      candidate([5, 4], 0, { logprob_score: null }),
    )
    expect(buildGroups(some, indexUpTo(9)).groups[0]!.logProbs).toBeNull()
  })
})
