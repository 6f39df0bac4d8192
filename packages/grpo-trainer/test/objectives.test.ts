import { describe, expect, test } from '@jest/globals'
import { categoricalKl, klEstimates, rceWeights } from '@lever/reward-utils'
import type { Group } from '@lever/rl-dataset'
import { OBJECTIVE_NAMES, OBJECTIVES, resolveOptions } from '../src/objectives/index.ts'
import type { ObjectiveName } from '../src/objectives/index.ts'
import type { Moment, Options, RewardedGroup } from '../src/objectives/types.ts'
import { stepMetrics } from '../src/step-metrics.ts'
import {
  B,
  evaluate,
  G,
  groups,
  hostLogSoftmax,
  hostSequence,
  K,
  logits,
  moment,
  pointers,
  proposer,
} from './toy-batch.ts'

describe('values agree with formulas in double precision', () => {
  const sequence = hostSequence(logits.policy)
  const overBatch = (f: (i: number, b: number, g: number) => number): number =>
    groups.reduce(
      (sum, _, b) =>
        sum + Array.from({ length: G }, (_unused, i) => f(b * G + i, b, i)).reduce((x, y) => x + y) / B,
      0,
    )

  test('rce', async () => {
    const { loss } = await evaluate('rce', {})
    const expected = overBatch((i, b, n) => -rceWeights(groups[b]!.rewards, 2)[n]! * sequence[i]!)
    expect(loss).toBeCloseTo(expected, 10)
  })

  test('sft: the best pointer, label smoothing over what can be chosen', async () => {
    const { loss } = await evaluate('sft', { labelSmoothing: 0.2 })
    const rows = hostLogSoftmax(logits.policy)
    const expected = overBatch((i, b, n) => {
      if (groups[b]!.rawRewards[n] !== Math.max(...groups[b]!.rawRewards)) return 0
      return [0, 1].reduce((sum, t) => {
        const free = rows[t]![i]!.filter((_, candidate) => t === 0 || candidate !== pointers[i]![0])
        const smooth = free.reduce((x, y) => x + y, 0) / free.length
        return sum - (0.8 * rows[t]![i]![pointers[i]![t]!]! + 0.2 * smooth) / 2
      }, 0)
    })
    expect(loss).toBeCloseTo(expected, 10)
  })

  test('listwise', async () => {
    const { loss } = await evaluate('listwise', {})
    const expected = overBatch((i, b, n) => {
      const own = sequence.slice(b * G, (b + 1) * G)
      const total = Math.log(own.reduce((sum, x) => sum + Math.exp(x), 0))
      return -rceWeights(groups[b]!.rawRewards, 0.2)[n]! * (sequence[i]! - total)
    })
    expect(loss).toBeCloseTo(expected, 10)
  })

  test('KL: the estimators and the exact value', async () => {
    const reference = hostSequence(logits.reference)
    for (const kl of ['k1', 'k2', 'k3'] as const) {
      const found = await evaluate('grpo', { kl })
      const expected = klEstimates(sequence, reference, kl).reduce((a, b) => a + b, 0) / (B * G)
      expect(found.metrics['kl']).toBeCloseTo(expected, 9)
    }
    const [p, q] = [hostLogSoftmax(logits.policy), hostLogSoftmax(logits.reference)]
    let exact = 0
    for (let t = 0; t < K; t++) {
      p[t]!.forEach(
        (row, i) => (exact += categoricalKl(row.map(Math.exp), q[t]![i]!.map(Math.exp)) / (B * G)),
      )
    }
    const found = await evaluate('grpo', { kl: 'exact' })
    expect(found.metrics['kl']).toBeCloseTo(exact, 9)
  })

  test('the clipped surrogate of a ratio that is far off', async () => {
    const { metrics } = await evaluate('grpo', { beta: 0 })
    const old = hostSequence(logits.old)
    const [advantages] = [OBJECTIVES.grpo.weigh(groups, moment, resolveOptions('grpo'))]
    const expected = overBatch((i, b, n) => {
      const ratio = Math.exp(sequence[i]! - old[i]!)
      const advantage = advantages[b]!.weights[n]!
      return -Math.min(ratio * advantage, Math.min(1.2, Math.max(0.8, ratio)) * advantage) / G
    })
    expect(metrics['policy_loss']).toBeCloseTo(expected, 9)
    expect(metrics['clip_ratio/region_mean']!).toBeGreaterThan(0)
  })
})

describe('what is reported, by hand', () => {
  const rows = { policy: hostLogSoftmax(logits.policy), old: hostLogSoftmax(logits.old) }
  const advantages = OBJECTIVES.grpo.weigh(groups, moment, resolveOptions('grpo'))
  const average = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length
  const stepRatio = (i: number, t: number): number => {
    const at = pointers[i]![t]!
    return Math.exp(rows.policy[t]![i]![at]! - rows.old[t]![i]![at]!)
  }

  test.each(['token', 'sequence'] as const)('clip_ratio and the mean ratio at level %s', async (level) => {
    const { metrics } = await evaluate('grpo', { level, clipLow: 0.1, clipHigh: 0.3, beta: 0 })
    const terms = pointers.flatMap((_, i) => {
      const ratios = Array.from({ length: K }, (_unused, t) => stepRatio(i, t))
      const advantage = advantages[Math.floor(i / G)]!.weights[i % G]!
      const all = level === 'token' ? ratios : [ratios.reduce((a, b) => a * b, 1)]
      return all.map((ratio) => ({
        ratio,
        low: ratio < 0.9 && advantage < 0 ? 1 : 0,
        high: ratio > 1.3 && advantage > 0 ? 1 : 0,
      }))
    })
    const [low, high] = [average(terms.map((t) => t.low)), average(terms.map((t) => t.high))]
    expect(low).toBeGreaterThan(0)
    expect(high).toBeGreaterThan(0)
    expect(metrics['clip_ratio/low_mean']).toBeCloseTo(low, 12)
    expect(metrics['clip_ratio/high_mean']).toBeCloseTo(high, 12)
    expect(metrics['clip_ratio/region_mean']).toBeCloseTo(low + high, 12)
    expect(metrics['ratio']).toBeCloseTo(average(terms.map((t) => t.ratio)), 10)
  })

  test('entropy is the mean over the steps of the pointers', async () => {
    const entropy = (logProbs: readonly number[]): number =>
      -logProbs.reduce((sum, x) => sum + Math.exp(x) * x, 0)
    const { metrics } = await evaluate('grpo', {})
    expect(metrics['entropy']).toBeCloseTo(average(rows.policy.flatMap((step) => step.map(entropy))), 9)
  })

  test('reward, reward_std and frac_reward_zero_std of a batch', () => {
    const group = (rawRewards: number[]): Group =>
      ({ rawRewards: Float64Array.from(rawRewards), size: rawRewards.length }) as Group
    const found = stepMetrics({ groups: [group([0, 1, 0.5]), group([1, 1])], moment }, {}, 0, {})
    expect(found).toEqual({ reward: 0.75, reward_std: 0.25, frac_reward_zero_std: 0.5 })
  })
})

test('with one number of shots and one group size, grpo, dr_grpo and dapo are the same', async () => {
  for (const level of ['token', 'sequence']) {
    const [first, ...others] = await Promise.all(
      ['grpo', 'dr_grpo', 'dapo'].map((form) => evaluate('grpo', { form, level, beta: 0 })),
    )
    for (const other of others) expect(other.loss).toBeCloseTo(first!.loss, 12)
  }
})

test('the old policy that is the policy itself gives ratio 1', async () => {
  const { metrics } = await evaluate('grpo', { oldPolicy: 'current', beta: 0 })
  expect(metrics['ratio']).toBe(1)
})

describe('behaviour correction', () => {
  const old = hostSequence(logits.old)
  const weights = groups.flatMap((_, b) => {
    const own = Array.from({ length: G }, (_unused, i) => Math.exp(old[b * G + i]! - proposer[b * G + i]!))
    const total = own.reduce((x, y) => x + y, 0)
    return own.map((weight) => (weight * G) / total)
  })
  const cap = 1.2
  const expectedLoss = (weigh: (weight: number) => number): number => {
    const advantages = OBJECTIVES.grpo.weigh(groups, moment, resolveOptions('grpo'))
    const sequence = hostSequence(logits.policy)
    return weights.reduce((sum, weight, i) => {
      const ratio = Math.exp(sequence[i]! - old[i]!)
      const advantage = advantages[Math.floor(i / G)]!.weights[i % G]! * weigh(weight)
      return sum - Math.min(ratio * advantage, Math.min(1.2, Math.max(0.8, ratio)) * advantage) / (B * G)
    }, 0)
  }

  test('weights are self-normalised, then cut; their effective size is reported', async () => {
    const truncated = await evaluate('grpo', { beta: 0, behaviour: 'truncate', behaviourCap: cap })
    expect(truncated.loss).toBeCloseTo(
      expectedLoss((weight) => Math.min(weight, cap)),
      10,
    )
    const masked = await evaluate('grpo', { beta: 0, behaviour: 'mask', behaviourCap: cap })
    expect(masked.loss).toBeCloseTo(
      expectedLoss((weight) => (weight <= cap ? weight : 0)),
      10,
    )
    const sizes = groups.map(
      (_, b) => G ** 2 / weights.slice(b * G, (b + 1) * G).reduce((sum, weight) => sum + weight ** 2, 0),
    )
    expect(masked.metrics['pointer/ess']).toBeCloseTo((sizes[0]! + sizes[1]!) / 2, 10)
    expect(masked.metrics['pointer/behaviour_cut']).toBe(
      weights.filter((weight) => weight > cap).length / weights.length,
    )
    expect(weights.some((weight) => weight > cap)).toBe(true)
  })

  test('nothing is cut under a high cap, and none changes nothing', async () => {
    const options = { beta: 0, behaviourCap: 100 }
    const [none, truncate, mask] = await Promise.all(
      ['none', 'truncate', 'mask'].map((behaviour) => evaluate('grpo', { ...options, behaviour })),
    )
    expect(truncate!.loss).toBe(mask!.loss)
    expect(truncate!.loss).not.toBeCloseTo(none!.loss, 3)
    expect(Object.keys(none!.metrics)).not.toContain('pointer/ess')
  })
})

test('cispo keeps the gradient of every step, with the clipped ratio as its weight', async () => {
  const gradientOf = async (options: Options): Promise<Float64Array> =>
    (await evaluate('grpo', { beta: 0, ...options })).gradient
  const close = (a: Float64Array, b: Float64Array): void =>
    a.forEach((x, i) => expect(x).toBeCloseTo(b[i]!, 10))
  close(await gradientOf({ form: 'cispo', oldPolicy: 'current' }), await gradientOf({ oldPolicy: 'current' }))
  const unclipped = { clipLow: 1, clipHigh: 1e9 }
  close(await gradientOf({ form: 'cispo', ...unclipped }), await gradientOf(unclipped))
})

describe('weights', () => {
  const group = (rewards: number[]): RewardedGroup => {
    const values = Float64Array.from(rewards)
    return { size: values.length, shots: 2, rewards: values, rawRewards: values }
  }
  const weigh = (
    name: ObjectiveName,
    rewards: number[],
    options: Options,
    at: Partial<Moment> = {},
  ): number[] =>
    Array.from(
      OBJECTIVES[name].weigh([group(rewards)], { ...moment, ...at }, resolveOptions(name, options))[0]!
        .weights,
    )

  test('the best pointers share', () => {
    expect(weigh('sft', [0, 1, 1, 0.5], {})).toEqual([0, 0.5, 0.5, 0])
    expect(weigh('rce', [2, 1, 2], { top1: 'best' })).toEqual([0.5, 0, 0.5])
    expect(weigh('rce', [0, 1, 2], { top1: 'first' })).toEqual([1, 0, 0])
  })
  test('the temperature of RCE falls from the first step to the last', () => {
    const at = (step: number): number[] => weigh('rce', [0, 1], {}, { step, steps: 3 })
    expect(at(0)[1]).toBeCloseTo(1 / (1 + Math.exp(-1 / 2)), 12)
    expect(at(1)[1]).toBeCloseTo(1 / (1 + Math.exp(-1 / 1.25)), 12)
    expect(at(2)[1]).toBeCloseTo(1 / (1 + Math.exp(-2)), 12)
  })
  test('ranks', () => {
    expect(weigh('listwise', [5, 1, 3], { reward: 'rank', temperatureStart: 1, temperatureEnd: 1 })).toEqual(
      Array.from(rceWeights([1, -1, 0], 1)),
    )
  })
  test('GRPO: a flat group has no advantage; the curriculum keeps the best', () => {
    expect(weigh('grpo', [1, 1, 1], {})).toEqual([0, 0, 0])
    const options = resolveOptions('grpo', { topKFirst: 2, topK: 3, scaling: 'none' })
    const early = OBJECTIVES.grpo.weigh([group([0, 3, 1, 2])], moment, options)[0]!
    expect(early).toEqual({ weights: Float64Array.of(0, 0.5, 0, -0.5), keep: [false, true, false, true] })
    const later = OBJECTIVES.grpo.weigh([group([0, 3, 1, 2])], { ...moment, epoch: 1 }, options)[0]!
    expect(later.weights).toEqual(Float64Array.of(0, 1, -1, 0))
  })
})

test.each([
  ['grpo', { numIterations: 0 }, 'numIterations of grpo must be a whole number from 1, got 0'],
  ['grpo', { topK: 1.5 }, 'topK of grpo must be a whole number from 1, got 1.5'],
  ['grpo', { clipLow: -0.1 }, 'clipLow of grpo must be a number from 0, got -0.1'],
  ['grpo', { klFactor: 1 }, 'klFactor of grpo must be a number above 1, got 1'],
  ['rce', { labelSmoothing: 1 }, 'labelSmoothing of rce must be a number from 0 and below 1, got 1'],
  ['listwise', { temperatureEnd: 0 }, 'temperatureEnd of listwise must be a number above 0, got 0'],
] as const)('%s refuses %j', (name, options, message) => {
  expect(() => resolveOptions(name, options)).toThrow(message)
})

test('the table names its entries, and its defaults are valid options', () => {
  for (const name of OBJECTIVE_NAMES) {
    expect(OBJECTIVES[name].name).toBe(name)
    expect(resolveOptions(name, OBJECTIVES[name].defaults)).toEqual(OBJECTIVES[name].defaults)
  }
})
