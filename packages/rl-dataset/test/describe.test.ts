import { describe, expect, test } from '@jest/globals'
import {
  describeRlData,
  renderDescription,
  renderValidation,
  validateRlData,
  openRlSource,
  bytesInMemory,
} from '../src/index.ts'
import { openRlFile } from '../src/node.ts'
import { bytesOf, candidate, read } from './helpers.ts'

const pool = [10, 11, 12, 13]
const measured = (pointer: number[], accuracy: number, more: object = {}): unknown =>
  candidate(pointer, accuracy, { pointer_global: pointer.map((i) => pool[i]), ...more })
const query = (...candidates: unknown[]): unknown => ({
  query: {},
  candidate_pool_ids: pool,
  pointer_candidates: candidates,
})
const file = {
  _meta: { schema: 'lever-rl', schema_version: '5.0', shot_num: 2 },
  1: query(measured([0, 1], 1), measured([1, 0], 0), measured([0, 1], 0.3, { gen_method: 'beam' })),
  2: query(measured([0, 1], 0), measured([2, 3], 0)),
  3: query(measured([0, 1], 1), measured([2, 3], 1, { gen_method: 'beam' })),
  4: query(measured([0, 1], 0.6)),
  5: query(),
  6: query(
    measured([0, 1], 1, { vqa_eval_mode: 'fallback' }),
    measured([1, 2], 0, { vqa_eval_mode: 'error' }),
  ),
}

describe('describeRlData', () => {
  const description = describeRlData(read(file))

  test('counts, rates and shares', () => {
    expect(description).toMatchObject({
      file: 'data.json',
      form: 'json',
      shapes: { canonical: 6, L12: 1 },
      queries: 6,
      emptyQueries: 1,
      candidates: 10,
      candidatesPerQuery: { min: 0, mean: 10 / 6, max: 3 },
      shots: 2,
      pool: { min: 4, mean: 4, max: 4, given: 6 },
      positiveShare: 0.6,
      queriesWithPositive: 4,
      accuracyBins: { zero: 4, low: 1, high: 1, one: 4 },
      flags: { derived: 0, transferred: 0, failed: 1 },
      duplicates: { sameOrder: 1, sameSet: 1, contradicting: 1 },
    })
    expect(description.methods).toEqual([
      {
        method: 'random',
        count: 8,
        positiveRate: 0.5,
        meanAccuracy: expect.closeTo(3.6 / 8, 10),
        meanExpected: null,
      },
      { method: 'beam', count: 2, positiveRate: 1, meanAccuracy: 0.65, meanExpected: null },
    ])
    expect(description.evalModes).toEqual([
      { mode: 'file', count: 8, share: 0.8 },
      { mode: 'error', count: 1, share: 0.1 },
      { mode: 'fallback', count: 1, share: 0.1 },
    ])
  })

  test('what the rewards can teach', () => {
    expect(description.rewards).toMatchObject({
      mode: 'hard_plus_soft',
      informative: 1,
      flat: 2,
      single: 1,
      unusable: 2,
      flatWrong: 1,
      flatRight: 1,
      flatBetween: 0,
      zeroVarianceShare: 0.75,
      uniqueRewards: [
        { distinct: 1, queries: 3 },
        { distinct: 3, queries: 1 },
      ],
      problem: null,
    })
    expect(description.rewards.expectedAdvantageStd).toBeCloseTo(1 / 4, 10)
    expect(description.uniformPolicyLoss).toBeCloseTo(Math.log(4) + Math.log(3), 10)
    expect(description.oracle.best).toBeCloseTo((1 + 0 + 1 + 0.6) / 4, 10)
    expect(description.oracle.mean).toBeCloseTo((1.3 / 3 + 0 + 1 + 0.6) / 4, 10)
    const { oracle } = describeRlData(read(file), { skipFallbackReward: false })
    expect(oracle.best).toBeCloseTo((1 + 0 + 1 + 0.6 + 1) / 5, 10)
  })

  test('a verdict in words', () => {
    expect(description.verdict[0]).toBe(
      '75 % of the groups teach nothing: in 25 % every answer is wrong, in 25 % every answer is right, in 25 % there is only one pointer. ' +
        'Propose more different pointers, or choose queries with mixed answers (filter mixed).',
    )
    expect(description.verdict.join(' ')).toContain('10 % of the outcomes were scored by the string matcher')
    expect(describeRlData(read({ 1: file[1] })).verdict[0]).toBe(
      'All 1 groups can teach: in each the rewards differ.',
    )
  })

  test('expected accuracies: spread, flatness, and how they go with accuracy', () => {
    expect(description.expected).toBeNull()
    const e = (vqa_gt_prob: number): object => ({ vqa_gt_prob })
    const both = read({
      1: query(measured([0, 1], 0, e(0.1)), measured([1, 0], 0, e(0.3))),
      2: query(measured([0, 1], 0, e(0.2)), measured([2, 3], 1, e(0.6)), measured([1, 3], 1, e(0.7))),
      3: query(measured([0, 1], 0, e(0.5)), measured([2, 3], 0, e(0.5))),
    })
    const { expected, verdict } = describeRlData(both)
    expect(expected).toMatchObject({
      candidates: 7,
      without: 0,
      mean: expect.closeTo((0.2 + 0.5 + 0.5) / 3, 12),
      best: expect.closeTo((0.3 + 0.7 + 0.5) / 3, 12),
      quartiles: [expect.closeTo(0.25, 12), 0.5, expect.closeTo(0.55, 12)],
      within: expect.closeTo((Math.SQRT2 * 0.1 + Math.sqrt(0.07) + 0) / 3, 12),
      between: expect.closeTo(Math.sqrt(0.03), 12),
      groups: 3,
      flat: 1,
      accuracyFlat: 2,
      bounded: null,
    })
    // sums of products within the queries: 0.3 of the second alone; of squares 0.02 + 0.14 and 2 / 3
    expect(expected!.correlation).toBeCloseTo(0.3 / Math.sqrt(0.16 * (2 / 3)), 12)
    expect(verdict).toContain(
      'The expected accuracy differs within 67 % of the groups, the accuracy within 33 %: learn from it (--reward-mode expected_accuracy).',
    )
  })

  test('expected accuracies alone: nothing was decoded, human answers were bounded', () => {
    const alone = (pointer: number[], vqa_gt_prob: number): object => ({
      pointer,
      pointer_global: pointer.map((i) => pool[i]),
      vqa_gt_prob,
      vqa_eval_mode: 'file',
    })
    const answers = ['a', 'a', 'b', ' b', 'c', 'd', 'd', 'd', '']
    const described = describeRlData(
      read({
        _meta: { schema: 'lever-rl', schema_version: '5.0', generator: { gt_prob: true, max_answers: 2 } },
        1: {
          query: { gt_answers_raw: answers },
          candidate_pool_ids: pool,
          pointer_candidates: [alone([0, 1], 0.25), alone([1, 0], 0.5)],
        },
        2: {
          query: { gt_answers_raw: ['a', 'b'] },
          candidate_pool_ids: pool,
          pointer_candidates: [alone([0, 1], 0), alone([1, 0], 0.001)],
        },
      }),
    )
    expect(described.expected).toMatchObject({
      accuracyFlat: null,
      correlation: null,
      bounded: { maxAnswers: 2, queries: 1, mean: 3 / 16, most: 3 / 8 },
    })
    expect(described.rewards).toMatchObject({ mode: 'expected_accuracy', informative: 2, problem: null })
    expect(described.methods[0]).toMatchObject({
      meanAccuracy: null,
      meanExpected: expect.closeTo(0.751 / 4, 12),
    })
    const text = renderDescription(described)
    expect(text).toContain(
      'at most 2 scored; left out in 1 queries, mean 18.8 % of the humans, at most 37.5 %',
    )
    expect(text).not.toContain('oracle')
    expect(described.verdict.join(' ')).toContain('The expected accuracy differs within 100 % of the groups.')
  })

  test('as text, and as JSON', () => {
    const text = renderDescription(description)
    for (const part of [
      'canonical (6): the canonical form',
      'zero variance',
      '75.0 %',
      'random          8    50.0 %',
      '75 % of the groups',
    ]) {
      expect(text).toContain(part)
    }
    expect(JSON.parse(JSON.stringify(description))).toEqual(description)
  })

  test('prefix outcomes give an oracle per number of demonstrations', () => {
    const shots = (accuracy: number): object => ({ shots: [{ k: 1, vqa_acc_score: accuracy }] })
    const { oracle } = describeRlData(
      read({ 1: query(measured([0, 1], 1, shots(0.3)), measured([1, 0], 0, shots(0.6))) }),
    )
    expect(oracle.perShots).toEqual([{ k: 1, queries: 1, mean: expect.closeTo(0.45, 10), best: 0.6 }])
  })

  test('beams are described by their scores', () => {
    const beams = {
      7: {
        id_list: [
          [4, 5, 7],
          [5, 4, 7],
        ],
        score_list: [0.1, 0.3],
      },
    }
    expect(describeRlData(read(beams))).toMatchObject({
      rewards: { mode: 'legacy', informative: 1 },
      positiveShare: null,
      oracle: { best: null },
      pool: { given: 0, min: 2 },
    })
  })

  test('data without queries, without candidates, without usable outcomes, from memory', () => {
    expect(describeRlData({ meta: null, queries: [] }).verdict).toEqual([
      'There is no query: nothing can be learnt.',
    ])
    expect(describeRlData(read({ 5: file[5] })).verdict).toEqual([
      'No query has a candidate: nothing can be learnt.',
    ])
    const unscored = describeRlData(read({ 1: { query: {}, pointer_candidates: [{ pointer: [4, 5] }] } }))
    expect(unscored.verdict[0]).toContain(
      'No query can be used: rl-dataset: query 1: mode hard_plus_soft needs vqa_correct',
    )
    for (const empty of [describeRlData({ meta: null, queries: [] }), unscored])
      expect(renderDescription(empty)).toContain('queries')
  })
})

describe('validateRlData', () => {
  const validate = (value: unknown): ReturnType<typeof validateRlData> =>
    validateRlData('data.json', () => openRlSource(bytesInMemory(bytesOf(value)), { file: 'data.json' }))

  test('lists every problem with its place', () => {
    const bad = {
      1: query(measured([0, 0], 1), measured([0, 7], 1, { pointer_global: [10, 13] })),
      2: query(),
    }
    const result = validate(bad)
    expect(result).toMatchObject({ queries: 2, candidates: 2, errors: 2, warnings: 1, form: 'json' })
    const text = renderValidation(result)
    expect(text).toContain(
      'error: data.json: query 1, candidate 0: pointer 10 occurs twice in [10, 10] [pointer-duplicate]',
    )
    expect(text).toContain(
      'error: data.json: query 1, candidate 1: position 7 is outside the pool of 4 (0..3) [pointer-range]',
    )
    expect(text).toContain('data.json: 2 queries, 2 candidates, 2 errors, 1 warning')
  })

  test('a file that cannot be opened is one error', () => {
    expect(validate('{"1":')).toMatchObject({ errors: 1, form: null, problems: [{ rule: 'unreadable' }] })
    const missing = validateRlData('no.json', () => openRlFile('no.json'))
    expect(missing.problems[0]!.message).toBe(
      'cannot read no.json (ENOENT): there is no such file; check the path',
    )
  })

  test('train and validation ids that share an image', () => {
    const image = (image_id: number): object => ({
      query: { image_id },
      pointer_candidates: [candidate([4, 5], 1)],
    })
    const shared = { _meta: { train_ids: [1], val_ids: [2] }, 1: image(3), 2: image(3), 8: image(4) }
    expect(validate(shared).problems).toMatchObject([{ severity: 'error', rule: 'split' }])
    expect(validate({ ...shared, 2: image(9) }).problems).toMatchObject([
      { severity: 'warning', rule: 'split' },
    ])
  })
})
