import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import {
  REWARD_MODES,
  REWARD_MODE_NAMES,
  computeGroupRewards,
  computeReward,
  rewardScale,
  type Outcome,
  type OutcomeField,
  type RewardMode,
  type RewardOptions,
} from '../src/index.ts'

const outcome: Outcome = {
  vqa_correct: 1,
  vqa_acc_score: 0.6,
  vqa_gt_prob: 0.5,
  vqa_rel_score: 0.25,
  beam_score: 0.8,
  logprob_score: -2,
}
const wrong: Outcome = { ...outcome, vqa_correct: 0, vqa_acc_score: 0, beam_score: 0.2 }

/** Weights that make each mode use all its fields, its value for `outcome` and `wrong`, and what it needs. */
const expected: Record<
  RewardMode,
  { options?: RewardOptions; right: number; wrong: number; needs: OutcomeField[] }
> = {
  hard_plus_soft: { right: 1.6, wrong: 0, needs: ['vqa_correct', 'vqa_acc_score'] },
  hard_plus_soft_v2: { right: 2.6, wrong: 0, needs: ['vqa_correct', 'vqa_acc_score'] },
  separated: { right: 2.6, wrong: 0, needs: ['vqa_correct', 'vqa_acc_score'] },
  hard_only: { right: 1, wrong: 0, needs: ['vqa_correct'] },
  soft_only: { right: 0.6, wrong: 0, needs: ['vqa_acc_score'] },
  hybrid: { right: 0.1 + 0.9 * 1.6, wrong: 0, needs: ['vqa_correct', 'vqa_acc_score', 'beam_score'] },
  hard01_plus_gtprob: { right: 1.5, wrong: 0.5, needs: ['vqa_correct', 'vqa_gt_prob'] },
  hard01_plus_gtprob_separated: { right: 2.5, wrong: 0.5, needs: ['vqa_correct', 'vqa_gt_prob'] },
  hard_plus_gtprob_plus_rel: {
    right: 1.5,
    wrong: 0.5 + 0.1 * 0.25,
    needs: ['vqa_correct', 'vqa_gt_prob', 'vqa_rel_score'],
  },
  expected_accuracy: { right: 0.5, wrong: 0.5, needs: ['vqa_gt_prob'] },
  log_expected_accuracy: { right: Math.log(0.5), wrong: Math.log(0.5), needs: ['vqa_gt_prob'] },
  legacy: { options: { alpha: 0.5, beta: 2 }, right: 2.4, wrong: 0.1, needs: ['beam_score', 'vqa_correct'] },
}

describe.each(REWARD_MODE_NAMES)('mode %s', (mode) => {
  const { options = {}, right, wrong: low, needs } = expected[mode]
  const group = [outcome, wrong]
  const reward = (of: Outcome, more: RewardOptions = {}): number =>
    computeReward(of, { mode, ...options, ...more }, { group, candidate: 7 })

  test('has a formula and its worked values', () => {
    expect(REWARD_MODES[mode].formula).not.toBe('')
    expect(reward(outcome)).toBeCloseTo(right, 12)
    expect(reward(wrong)).toBeCloseTo(low, 12)
    expect(Array.from(computeGroupRewards(group, { mode, ...options }))).toEqual([
      reward(outcome),
      reward(wrong),
    ])
  })

  test('a needed field that is missing is an error with mode, field and candidate, or 0 on request', () => {
    for (const field of needs) {
      const holed = { ...wrong, [field]: null }
      if (mode === 'legacy' && field === 'vqa_correct') holed.vqa_acc_score = null
      const asked = mode === 'legacy' && field === 'vqa_correct' ? 'vqa_acc_score' : field
      expect(() => reward(holed)).toThrow(`mode ${mode} needs ${asked}, which candidate 7 does not have`)
      expect(() => reward(holed)).toThrow(expect.objectContaining({ code: 'LEVER_INPUT' }))
      expect(Number.isFinite(reward(holed, { missing: 'zero' }))).toBe(true)
    }
    const onlyNeeded = Object.fromEntries(needs.map((field) => [field, outcome[field]]))
    expect(Number.isFinite(reward(onlyNeeded))).toBe(true)
  })

  test('refuses fields that are not finite', () => {
    for (const field of needs) {
      for (const value of [Number.NaN, Infinity]) {
        expect(() => reward({ ...wrong, [field]: value })).toThrow(
          `${field} of candidate 7 must be a finite number`,
        )
      }
    }
  })

  test('stays inside the clip, and inside its declared scale for outcomes in range', () => {
    const [low, high] = rewardScale({ mode, ...options }).range
    const field = fc.double({ min: 0, max: 1, noNaN: true })
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1 }), field, field, field, field, (h, s, g, r, info) => {
        const of = { vqa_correct: h, vqa_acc_score: s, vqa_gt_prob: g, vqa_rel_score: r, beam_score: info }
        expect(reward(of, { hardWeight: 50, softWeight: -90, clip: [-5, 5] })).toBeGreaterThanOrEqual(-5)
        expect(reward(of, { hardWeight: 50, softWeight: 90, clip: [-5, 5] })).toBeLessThanOrEqual(5)
        const plain = reward(of)
        expect(plain).toBeGreaterThanOrEqual(low)
        expect(plain).toBeLessThanOrEqual(high)
      }),
    )
    expect(
      reward(outcome, { hardWeight: 1e9, softWeight: 1e9, alpha: 1, beta: 1e9, clip: [-2, 2] }),
    ).toBeLessThanOrEqual(2)
  })

  test('grows with correctness and with the scores that it uses', () => {
    const unit = fc.double({ min: 0, max: 1, noNaN: true })
    fc.assert(
      fc.property(unit, unit, unit, (s, g, step) => {
        const base: Outcome = { ...wrong, vqa_acc_score: s, vqa_gt_prob: g }
        expect(reward({ ...base, vqa_correct: 1, vqa_rel_score: 0 })).toBeGreaterThanOrEqual(
          reward({ ...base, vqa_rel_score: 0 }),
        )
        for (const field of ['vqa_acc_score', 'vqa_gt_prob'] as const) {
          const more = { ...base, [field]: Math.min(1, base[field]! + step) }
          expect(reward(more)).toBeGreaterThanOrEqual(reward(base) - 1e-12)
        }
      }),
    )
  })
})

describe('expected accuracy', () => {
  const log = (vqa_gt_prob: number, options: RewardOptions = {}): number =>
    computeReward({ vqa_gt_prob }, { mode: 'log_expected_accuracy', ...options })

  test('its logarithm has a floor and no clip of its own', () => {
    expect(log(1)).toBe(0)
    expect(log(0.25)).toBeCloseTo(-1.3863, 4)
    expect(log(2e-6)).toBeCloseTo(-13.1224, 4)
    expect(log(1e-6)).toBeCloseTo(-13.8155, 4)
    expect(log(1e-9)).toBe(log(1e-6))
    expect(log(0)).toBe(log(1e-6))
    expect(log(0, { clip: [-5, 5] })).toBe(-5)
    expect(log(0.25, { softWeight: 2 })).toBeCloseTo(2 * log(0.25), 12)
    expect(log(0.25, { softWeight: 0 })).toBe(0)
  })
})

describe('scale', () => {
  test.each<[RewardOptions, string, [number, number]]>([
    [{}, 'sum', [0, 2]],
    [{ hardWeight: 0 }, 'accuracy', [0, 1]],
    [{ mode: 'separated' }, 'sum', [0, 3]],
    [{ mode: 'hard_only' }, 'accuracy', [0, 1]],
    [{ mode: 'soft_only', softWeight: -2 }, 'accuracy', [-2, 0]],
    [{ mode: 'hybrid' }, 'sum', [0, 1.9]],
    [{ mode: 'hard01_plus_gtprob' }, 'sum', [0, 2]],
    [{ mode: 'hard01_plus_gtprob', hardWeight: 0 }, 'expected', [0, 1]],
    [{ mode: 'hard_plus_gtprob_plus_rel' }, 'sum', [0, 2.1]],
    [{ mode: 'expected_accuracy' }, 'expected', [0, 1]],
    [{ mode: 'log_expected_accuracy' }, 'log', [Math.log(1e-6), 0]],
    [{ mode: 'log_expected_accuracy', clip: [-4, 4] }, 'log', [-4, 0]],
    [{ mode: 'legacy', alpha: 1 }, 'open', [-5, 5]],
    [{ mode: () => 1, clip: null }, 'open', [-Infinity, Infinity]],
  ])('of %j is %s in %j', (options, kind, range) => {
    const scale = rewardScale(options)
    expect(scale.kind).toBe(kind)
    expect(scale.range[0]).toBeCloseTo(range[0], 12)
    expect(scale.range[1]).toBeCloseTo(range[1], 12)
  })

  test('of every mode is finite but of legacy', () => {
    for (const mode of REWARD_MODE_NAMES.filter((name) => name !== 'legacy')) {
      expect(rewardScale({ mode, clip: null }).range.every(Number.isFinite)).toBe(true)
    }
  })

  test('refuses what computeReward refuses', () => {
    expect(() => rewardScale({ mode: 'nobody' as 'legacy' })).toThrow('there is no reward mode "nobody"')
  })
})

describe('hybrid', () => {
  const hybrid = (values: number[], options: RewardOptions = {}): number[] =>
    Array.from(
      computeGroupRewards(
        values.map((beam_score) => ({ vqa_correct: 0, vqa_acc_score: 0, beam_score })),
        { mode: 'hybrid', ...options },
      ),
    )

  test('normalises the InfoScore within the group', () => {
    expect(hybrid([-3, -1, 1])).toEqual([0, 0.05, 0.1])
    expect(hybrid([-3, -1, 1], { alpha: 1 })).toEqual([0, 0.5, 1])
    expect(hybrid([-3, -1, 1], { alpha: 0 })).toEqual([0, 0, 0])
    expect(hybrid([0, 5e-324], { alpha: 1 })).toEqual([0, 1])
    expect(hybrid([1e-320, 2e-320, 3e-320], { alpha: 1 })[1]).toBeCloseTo(0.5, 3)
    expect(hybrid([-1.7e308, 0, 1.7e308], { alpha: 1 })).toEqual([0, 0.5, 1])
  })

  test('a group without spread contributes 0', () => {
    expect(hybrid([0.4, 0.4, 0.4])).toEqual([0, 0, 0])
    expect(hybrid([0.4])).toEqual([0])
  })

  test('an InfoScore of the group that is not finite is an error, a huge one is not', () => {
    const group = [outcome, { ...outcome, beam_score: NaN }]
    expect(() => computeReward(outcome, { mode: 'hybrid' }, { group })).toThrow(
      'beam_score of candidate 1 must be a finite number, got NaN',
    )
    expect(hybrid([1e308, -1e308, 0])).toEqual([0.1, 0, 0.05])
  })

  test('an unknown correctness mode is an error', () => {
    const options = { mode: 'legacy', beta: 1, correctnessMode: 'pm' } as unknown as RewardOptions
    expect(() => computeReward(outcome, options)).toThrow('unknown correctnessMode pm; the modes are 01, pm1')
  })

  test('needs the group, and alpha in 0..1', () => {
    expect(() => computeReward(outcome, { mode: 'hybrid' })).toThrow('needs the group of candidate 0')
    expect(() => computeReward(outcome, { mode: 'hybrid', alpha: 1.5 })).toThrow(
      'alpha must be in 0..1, got 1.5',
    )
  })
})

describe('legacy', () => {
  test('all weights 0 is an error', () => {
    expect(() => computeReward(outcome, { mode: 'legacy' })).toThrow('mode legacy: alpha and beta are both 0')
  })

  test('alpha takes the beam score or the negative log-probability, beta the correctness as 0, 1 or -1, 1', () => {
    const legacy = (options: RewardOptions, of: Outcome = outcome): number =>
      computeReward(of, { mode: 'legacy', clip: null, ...options })
    expect(legacy({ alpha: 2 })).toBe(1.6)
    expect(legacy({ alpha: 2, useLogprob: true })).toBe(4)
    expect(legacy({ beta: 3 })).toBe(3)
    expect(legacy({ beta: 3, correctnessMode: 'pm1' }, wrong)).toBe(-3)
    expect(legacy({ beta: 1, correctnessMode: 'pm1' }, { vqa_acc_score: 0.6 })).toBeCloseTo(0.2)
  })
})

describe('custom modes', () => {
  test('a function of an outcome', () => {
    const brief = ({ vqa_acc_score }: Outcome): number => 10 * (vqa_acc_score ?? 0)
    expect(computeReward(outcome, { mode: brief })).toBe(5)
    expect(computeReward(outcome, { mode: brief, clip: null })).toBe(6)
    expect(computeReward(outcome, { mode: 'brief', modes: { brief }, clip: null })).toBe(6)
  })

  test('a definition, with weights and the strict reader', () => {
    const modes = {
      squared: {
        formula: 'ws*s^2',
        reward: ({ read, weights }: Parameters<(typeof REWARD_MODES)['soft_only']['reward']>[0]) =>
          weights.softWeight * read('vqa_acc_score') ** 2,
      },
    }
    expect(computeReward(outcome, { mode: 'squared', modes, softWeight: 2 })).toBeCloseTo(0.72)
    expect(() => computeReward({}, { mode: 'squared', modes })).toThrow('mode squared needs vqa_acc_score')
  })

  test('unknown names, names of built-in modes and rewards that are not finite are refused', () => {
    expect(() => computeReward(outcome, { mode: 'seperated' as 'separated' })).toThrow(
      'there is no reward mode "seperated"; did you mean separated?',
    )
    expect(() => computeReward(outcome, { mode: '__proto__' as 'legacy' })).toThrow('no reward mode')
    expect(() => computeReward(outcome, { mode: 'soft_only', modes: { soft_only: () => 1 } })).toThrow(
      'built in',
    )
    expect(() => computeReward(outcome, { mode: () => Number.NaN })).toThrow(
      'must be a finite number, got NaN',
    )
  })
})

test('options are checked', () => {
  expect(() => computeReward(outcome, { hardWeight: Number.NaN })).toThrow(
    'hardWeight must be a finite number',
  )
  expect(() => computeReward(outcome, { clip: [2, 1] })).toThrow('clip [2, 1] is not an interval')
  expect(computeGroupRewards([])).toEqual(new Float64Array(0))
})

test('a weight of 0 makes a field unneeded', () => {
  expect(computeReward({ vqa_acc_score: 0.3 }, { hardWeight: 0 })).toBe(0.3)
})
