import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import {
  categoricalKl,
  categoricalKlOfLogits,
  combineRewards,
  initAdaptiveKl,
  klEstimates,
  multiShotReward,
  rceWeights,
  temperatureAt,
  uniformPolicyLoss,
  updateAdaptiveKl,
  type RewardTerm,
} from '../src/index.ts'

const sum = (values: ArrayLike<number>): number => Array.from(values).reduce((a, b) => a + b, 0)

describe('rceWeights', () => {
  test('softmax of reward over temperature', () => {
    const weights = rceWeights([1, 0], 1)
    expect(weights[0]).toBeCloseTo(Math.E / (Math.E + 1), 12)
    expect(Array.from(rceWeights([3, 3, 3, 3], 0.1))).toEqual([0.25, 0.25, 0.25, 0.25])
  })

  test('neither overflows nor underflows', () => {
    expect(Array.from(rceWeights([1e308, -1e308], 1e-3))).toEqual([1, 0])
    expect(Array.from(rceWeights([1000, 999], 1e-2))).toEqual([1, 3.720075976020836e-44])
  })

  test('sum to 1, follow the order of the rewards, and do not change when a constant is added', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -5, max: 5, noNaN: true }), { minLength: 1, maxLength: 12 }),
        fc.double({ min: 0.05, max: 10, noNaN: true }),
        (rewards, temperature) => {
          const weights = rceWeights(rewards, temperature)
          expect(sum(weights)).toBeCloseTo(1, 10)
          rceWeights(
            rewards.map((reward) => reward + 7),
            temperature,
          ).forEach((weight, i) => expect(weight).toBeCloseTo(weights[i]!, 8))
          rewards.forEach((a, i) =>
            rewards.forEach((b, j) => {
              if (a > b) expect(weights[i]!).toBeGreaterThanOrEqual(weights[j]!)
            }),
          )
        },
      ),
    )
  })

  test('refuses bad temperatures and rewards', () => {
    for (const temperature of [0, -1, Number.NaN, Infinity]) {
      expect(() => rceWeights([1], temperature)).toThrow('the temperature must be positive')
    }
    expect(() => rceWeights([Number.NaN], 1)).toThrow('reward 0')
    expect(rceWeights([], 1)).toHaveLength(0)
  })
})

test('temperatureAt is linear between its ends', () => {
  expect([0, 5, 10, 20, -3].map((step) => temperatureAt(step, 11))).toEqual([2, 1.25, 0.5, 0.5, 2])
  expect(temperatureAt(0, 1)).toBe(0.5)
  expect(temperatureAt(0, 0, { end: 0.1 })).toBe(0.1)
  expect(() => temperatureAt(Number.NaN, 3)).toThrow(RangeError)
})

test('uniformPolicyLoss', () => {
  expect(uniformPolicyLoss(64, 2)).toBeCloseTo(Math.log(64) + Math.log(63), 12)
  expect(uniformPolicyLoss(16, 2)).toBeCloseTo(5.4806, 4)
  expect(uniformPolicyLoss(3, 0)).toBe(0)
  expect(() => uniformPolicyLoss(1, 2)).toThrow('cannot choose 2 demonstrations from a pool of 1')
})

describe('KL', () => {
  test('the three estimators of one sample', () => {
    const [p, q] = [[Math.log(0.5)], [Math.log(0.25)]]
    expect(klEstimates(p, q, 'k1')[0]).toBeCloseTo(Math.LN2, 12)
    expect(klEstimates(p, q, 'k2')[0]).toBeCloseTo(Math.LN2 ** 2 / 2, 12)
    expect(klEstimates(p, q, 'k3')[0]).toBeCloseTo(0.5 - 1 + Math.LN2, 12)
    expect(Array.from(klEstimates(p, p))).toEqual([0])
  })

  test('the means of k1 and k3 over the distribution are the exact KL', () => {
    const distribution = fc
      .array(fc.double({ min: 0.01, max: 1, noNaN: true }), { minLength: 4, maxLength: 4 })
      .map((weights) => weights.map((weight) => weight / sum(weights)))
    fc.assert(
      fc.property(distribution, distribution, (p, q) => {
        const exact = categoricalKl(p, q)
        const [logP, logQ] = [p.map(Math.log), q.map(Math.log)]
        for (const estimator of ['k1', 'k3'] as const) {
          const estimates = klEstimates(logP, logQ, estimator)
          expect(sum(estimates.map((estimate, i) => p[i]! * estimate))).toBeCloseTo(exact, 8)
        }
        expect(Math.min(...klEstimates(logP, logQ, 'k3'))).toBeGreaterThanOrEqual(0)
        expect(exact).toBeGreaterThanOrEqual(0)
        expect(
          categoricalKlOfLogits(
            logP.map((x) => x + 500),
            logQ,
          ),
        ).toBeCloseTo(exact, 8)
      }),
    )
  })

  test('zeros, infinities and equal distributions', () => {
    expect(categoricalKl([0.5, 0.5], [0.5, 0.5])).toBe(0)
    expect(categoricalKl([1, 0], [0.5, 0.5])).toBeCloseTo(Math.LN2, 12)
    expect(categoricalKl([0.5, 0.5], [1, 0])).toBe(Infinity)
    expect(categoricalKlOfLogits([1, -Infinity, 0], [1, -Infinity, 0])).toBe(0)
    expect(categoricalKlOfLogits([0, 0], [0, -Infinity])).toBe(Infinity)
  })

  test('refuses what is no distribution', () => {
    expect(() => categoricalKl([0.5], [0.5, 0.5])).toThrow('equal lengths')
    expect(() => categoricalKl([0.5, 0.6], [0.5, 0.5])).toThrow('p must sum to 1')
    expect(() => categoricalKl([0.5, 0.5], [1.5, -0.5])).toThrow('q[1] must be a probability')
    expect(() => categoricalKlOfLogits([Number.NaN], [0])).toThrow('logit 0')
    expect(() => categoricalKlOfLogits([-Infinity], [0])).toThrow('at least one logit')
    expect(() => klEstimates([0], [])).toThrow('equal lengths')
    expect(() => klEstimates([0], [-Infinity])).toThrow('k3 of sample 0')
    expect(() => klEstimates([-1000], [0], 'k3')).toThrow('Infinity')
  })

  test('the adaptive coefficient', () => {
    const state = initAdaptiveKl()
    expect(updateAdaptiveKl(state, 0.05)).toEqual(state)
    expect(updateAdaptiveKl(state, 0.2).beta).toBeCloseTo(0.15, 12)
    expect(updateAdaptiveKl(state, 0).beta).toBeCloseTo(0.1 / 1.5, 12)
    expect(updateAdaptiveKl({ ...state, beta: 9 }, 1).beta).toBe(10)
    expect(updateAdaptiveKl({ ...state, beta: 0.001 }, 0).beta).toBe(0.001)
    expect(() => updateAdaptiveKl(state, Number.NaN)).toThrow(RangeError)
    expect(() => initAdaptiveKl({ beta: 20 })).toThrow('adaptive KL needs')
  })
})

describe('combined rewards', () => {
  const outcomes = [
    { vqa_correct: 1, vqa_acc_score: 1, vqa_gt_prob: 0.2 },
    { vqa_correct: 0, vqa_acc_score: 0, vqa_gt_prob: 0.4 },
    { vqa_correct: 1, vqa_acc_score: 0.3, vqa_gt_prob: 0.6 },
  ]
  const terms: RewardTerm[] = [
    { mode: 'hard_only', weight: 1 },
    { mode: 'hard01_plus_gtprob', hardWeight: 0, weight: 10 },
  ]

  test('sum then normalise', () => {
    const { raw, values } = combineRewards(outcomes, terms, { method: 'z_score' })
    expect(Array.from(raw)).toEqual([3, 4, 7])
    expect(sum(values)).toBeCloseTo(0, 12)
  })

  test('normalise then sum: each mode counts by its weight, not by its scale', () => {
    const equal = terms.map((term) => ({ ...term, weight: 1 }))
    const { values } = combineRewards(outcomes, equal, {
      order: 'normalize_then_sum',
      method: 'rank_normalize',
    })
    expect(Array.from(values)).toEqual([0.5 - 1, -1 + 0, 0.5 + 1])
  })

  test('a flat mode adds 0 when it is normalised first', () => {
    const { values } = combineRewards(outcomes, [{ mode: () => 4, weight: 3 }], {
      order: 'normalize_then_sum',
    })
    expect(Array.from(values)).toEqual([0, 0, 0])
  })

  test('refuses no mode and weights that are not finite', () => {
    expect(() => combineRewards(outcomes, [])).toThrow('at least one mode')
    expect(() => combineRewards(outcomes, [{ mode: 'hard_only', weight: Number.NaN }])).toThrow(
      'must be finite',
    )
  })

  test('multiShotReward', () => {
    expect(multiShotReward([1, 2, 3], [0.5, 0.25, 1])).toBe(4)
    expect(() => multiShotReward([1], [1, 2])).toThrow('1 rewards and 2 weights')
    expect(() => multiShotReward([], [])).toThrow(RangeError)
    expect(() => multiShotReward([Number.NaN], [1])).toThrow('must be finite')
  })
})
