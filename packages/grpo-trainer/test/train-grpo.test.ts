import { describe, expect, test } from '@jest/globals'
import type { Group } from '@lever/rl-dataset'
import { createRandom } from '@lever/reward-utils'
import type { Options } from '../src/objectives/types.ts'
import type { PhaseOptions } from '../src/phases.ts'
import { only, runAll, smallModel } from './helpers.ts'
import { makeWorld } from './world.ts'

const world = makeWorld({ queries: 48, validation: 24, pool: 10, pointers: 8 })
const start = { model: smallModel(), data: world }

describe('GRPO', () => {
  const grpo: PhaseOptions<'grpo'> = { objective: 'grpo', epochs: 2, learningRate: 0.01, batchSize: 8 }

  test('the first step has ratio 1 and KL 0, exactly; later ones do not', async () => {
    for (const options of [{}, { level: 'token', kl: 'k3' }] as const) {
      const { events } = await runAll({ ...start, phases: [{ ...grpo, options }] })
      const steps = only(events, 'step').map(({ metrics }) => metrics)
      expect(steps[0]).toMatchObject({ 'pointer/ratio_mean': 1, kl: 0, 'clip_ratio/region_mean': 0 })
      expect(Math.abs(steps[0]!['policy_loss']!)).toBeLessThan(1e-6)
      expect(steps[3]!['pointer/ratio_mean']).not.toBe(1)
      expect(steps[3]!['kl']!).toBeGreaterThan(0)
      const second = steps[steps.length / 2]!
      expect(second['pointer/ratio_mean']).toBe(1)
      expect(second['kl']!).toBeGreaterThan(0)
    }
  })

  test('says why the loss of the first step is 0, and how many groups it leaves out', async () => {
    const flat = world.groups.map((group, i): Group => {
      const rawRewards = i < 6 ? new Float64Array(group.size).fill(1) : group.rawRewards
      return { ...group, rawRewards, rewards: i < 6 ? new Float64Array(group.size) : group.rewards }
    })
    const { events } = await runAll({ ...start, data: { ...world, groups: flat }, phases: [grpo] })
    const [left, why, ...others] = only(events, 'notice').map(({ message }) => message)
    expect(left).toMatch(/^grpo: takes \d+ of 48 groups; the rewards of the other \d+ are all equal/)
    expect(why).toMatch(/^grpo: the loss of the first step is about 0 by construction: .* \(norm \d/)
    expect(others).toEqual([])
    expect(only(events, 'step')[0]!.metrics['grad_norm']).toBeGreaterThan(0)
    expect(only(events, 'validation')[0]!.metrics).toMatchObject({
      'eval/pointer/ratio_mean': 1,
      'eval/kl': 0,
    })
  })

  test('says that the best pointers alone teach nothing when their rewards are equal', async () => {
    const equal = world.groups.map((group): Group => {
      const rawRewards = Float64Array.from({ length: group.size }, (_, g) => (g < 3 ? 1 : 0))
      return { ...group, rawRewards }
    })
    const phases = [{ ...grpo, epochs: 1, options: { topKFirst: 3 } }]
    const { events } = await runAll({ ...start, data: { ...world, groups: equal }, phases })
    expect(only(events, 'notice')[0]!.message).toMatch(
      /loss and gradient of the first step are 0: .* or those of the best that topK keeps$/,
    )
  })

  test('num_iterations: so many epochs against one old policy', async () => {
    const ratios = async (options: Options): Promise<number[]> => {
      const { events } = await runAll({ ...start, phases: [{ ...grpo, epochs: 4, options }] })
      const steps = only(events, 'step').map(({ metrics }) => metrics['pointer/ratio_mean']!)
      const perEpoch = steps.length / 4
      return [0, 1, 2, 3].map((epoch) => steps[epoch * perEpoch]!)
    }
    const [first, second, third, fourth] = await ratios({ numIterations: 2 })
    expect([first, third]).toEqual([1, 1])
    expect(second).not.toBe(1)
    expect(fourth).not.toBe(1)
    expect(await ratios({})).toEqual([1, 1, 1, 1])
  })

  test('behaviour correction reads who proposed, and is refused without', async () => {
    const random = createRandom(4, 'proposer')
    const proposed = (groups: readonly Group[] = []): Group[] =>
      groups.map((group) => ({
        ...group,
        logProbs: Float64Array.from({ length: group.size }, () => -4 - random.next()),
      }))
    const data = { ...world, groups: proposed(world.groups), validation: proposed(world.validation) }
    const phases: PhaseOptions[] = [{ ...grpo, options: { behaviour: 'truncate' } }]
    const { events } = await runAll({ ...start, data, phases })
    for (const { metrics } of only(events, 'step')) {
      expect(metrics['pointer/ess']).toBeGreaterThan(1)
      expect(metrics['pointer/ess']).toBeLessThan(8)
      expect(metrics['pointer/behaviour_cut']).toBeLessThan(1)
    }
    expect(only(events, 'step')[0]!.metrics['pointer/ratio_mean']).toBe(1)
    await expect(runAll({ ...start, phases })).rejects.toThrow(
      'query 0 has a pointer without logprob_score, which behaviour correction needs',
    )
  })

  test('a KL coefficient outside the usual bounds is taken, and dropout is said to blur ratio and KL', async () => {
    const phases = [{ ...grpo, epochs: 1, dropout: 0.2, options: { beta: 1e-5 } }]
    const { events } = await runAll({ ...start, phases })
    expect(only(events, 'step')[0]!.metrics['beta']).toBe(1e-5)
    expect(only(events, 'step')[0]!.metrics['kl']).toBeGreaterThan(0)
    expect(only(events, 'notice')[1]!.message).toMatch(
      /^grpo: its policy is scored with dropout 0.2, the old and the reference policy without/,
    )
  })

  test('the KL coefficient adapts once an epoch, or after every step', async () => {
    const betas = async (adaptiveKl: 'never' | 'epoch' | 'step'): Promise<number[]> => {
      const { events } = await runAll({
        ...start,
        phases: [{ ...grpo, options: { adaptiveKl, klTargetHigh: 0.02 } }],
      })
      return only(events, 'step').map(({ metrics }) => metrics['beta']!)
    }
    const perEpoch = await betas('epoch')
    expect(new Set(perEpoch.slice(0, perEpoch.length / 2))).toEqual(new Set([0.1]))
    expect(new Set(perEpoch.slice(perEpoch.length / 2)).size).toBe(1)
    expect(perEpoch.at(-1)).not.toBe(0.1)
    expect(new Set(await betas('step')).size).toBeGreaterThan(3)
    expect(new Set(await betas('never'))).toEqual(new Set([0.1]))
  })
})
