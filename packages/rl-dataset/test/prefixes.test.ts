import { describe, expect, test } from '@jest/globals'
import { buildGroups, type GroupOptions, type RlData } from '../src/index.ts'
import { candidate, indexOf, indexUpTo, read } from './helpers.ts'

const data = (...candidates: unknown[]): RlData =>
  read({ 7: { query: { image_id: 3 }, pointer_candidates: candidates } })

describe('prefixes', () => {
  const shot = (k: number, accuracy: number, more: object = {}): Record<string, unknown> => ({
    k,
    vqa_correct: accuracy > 0 ? 1 : 0,
    vqa_acc_score: accuracy,
    vqa_eval_mode: 'file',
    ...more,
  })
  const measured = data(
    candidate([4, 5, 6], 1, {
      gen_method: 'beam',
      logprob_score: -1,
      beam_score: 0.7,
      shots: [shot(1, 0.3), shot(2, 1), shot(3, 1)],
    }),
    candidate([4, 6, 5], 0, { logprob_score: -2, beam_score: 0.1, shots: [shot(1, 0.3), shot(2, 0)] }),
  )

  test('are pointers that end with -1, each once, with their own rewards', () => {
    const { groups, prefixes } = buildGroups(measured, indexUpTo(9), { prefixes: true })
    expect([...prefixes]).toEqual([
      [1, 1],
      [2, 2],
    ])
    expect(groups[0]).toMatchObject({
      size: 5,
      shots: 3,
      poolIds: [4, 5, 6],
      pointers: Int32Array.of(0, 1, 2, 0, 2, 1, 0, -1, -1, 0, 1, -1, 0, 2, -1),
      rawRewards: Float64Array.of(2, 0, 1.3, 2, 0),
      logProbs: null,
      methods: ['beam', 'random', 'beam', 'beam', 'random'],
    })
  })

  test('only on request', () => {
    const { groups, prefixes } = buildGroups(measured, indexUpTo(9))
    expect([groups[0]!.size, prefixes.size]).toEqual([2, 0])
    expect(Array.from(groups[0]!.logProbs!)).toEqual([-1, -2])
  })

  test('as positions where the query has a pool', () => {
    const withPool = read({
      7: {
        query: {},
        candidate_pool_ids: [12, 10, 11],
        pointer_candidates: [
          candidate([0, 2], 1, { pointer_global: [12, 11], shots: [shot(1, 1)] }),
          candidate([1, 0], 0, { pointer_global: [10, 12], shots: [shot(1, 0)] }),
        ],
      },
    })
    const { groups } = buildGroups(withPool, indexOf(7, 10, 11, 12), { prefixes: true })
    expect(Array.from(groups[0]!.pointers)).toEqual([0, 2, 1, 0, 0, -1, 1, -1])
  })

  test('those that failed or were scored by the string matcher are left out and counted; steps of beams have no outcome', () => {
    const odd = data(
      candidate([4, 5], 1, { shots: [shot(1, 0, { vqa_eval_mode: 'fallback' })] }),
      candidate([5, 4], 0, {
        shots: [shot(1, 0, { vqa_correct: null, vqa_acc_score: null, vqa_eval_mode: 'error' })],
      }),
      candidate([6, 4], 1, { shots: [{ k: 1, id: 6, score: 0.4 }] }),
      candidate([8, 4], 1, { gen_method: 'beam', shots: [shot(1, 1)] }),
    )
    const options = { prefixes: true, filterGenMethods: ['random'] }
    const { groups, dropped, prefixes } = buildGroups(odd, indexUpTo(9), options)
    expect([groups[0]!.size, prefixes.size]).toEqual([3, 0])
    expect(Object.fromEntries(dropped)).toEqual({
      'candidate.gen_method': 1,
      'prefix.fallback': 1,
      'prefix.error': 1,
    })
  })

  test('no demonstration at all is one too, once for a query', () => {
    const none = [shot(0, 0.3), shot(1, 1)]
    const both = data(candidate([4, 5], 1, { shots: none }), candidate([5, 4], 0, { shots: none }))
    const { groups, prefixes } = buildGroups(both, indexUpTo(9), { prefixes: true })
    expect(Array.from(groups[0]!.pointers)).toEqual([0, 1, 1, 0, -1, -1, 0, -1, 1, -1])
    expect(Array.from(groups[0]!.rawRewards)).toEqual([2, 0, 1.3, 2, 2])
    expect(prefixes.get(0)).toBe(1)
  })

  test('one pointer and its prefix are a group, and a right prefix makes a query positive', () => {
    const one = data(candidate([4, 5], 0, { shots: [shot(1, 1)] }))
    const { groups } = buildGroups(one, indexUpTo(9), { prefixes: true, requirePositiveQuery: true })
    expect(Array.from(groups[0]!.rawRewards)).toEqual([0, 2])
    expect(buildGroups(one, indexUpTo(9)).groups).toEqual([])
  })

  test('a reward of fields that a prefix does not have is refused', () => {
    const build = (options: GroupOptions) => () =>
      buildGroups(measured, indexUpTo(9), { prefixes: true, file: 'rl.json', ...options })
    expect(build({ reward: { mode: 'hybrid' } })).toThrow(
      'rl-dataset: rl.json: query 7: prefix [4]: mode hybrid needs beam_score',
    )
    expect(build({ reward: { mode: 'hybrid' } })).toThrow('the outcome of a prefix is vqa_correct')
    expect(build({ shotWeights: [0, 0, 1] })).toThrow('leave out shotWeights (--shot-weights) or prefixes')
    expect(build({ reward: { mode: 'hybrid', missing: 'zero' } })).not.toThrow()
  })
})
