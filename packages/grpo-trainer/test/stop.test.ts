import { describe, expect, test } from '@jest/globals'
import { createModel, openPolicy } from '@lever/pointer-model'
import type { PointerModel } from '@lever/pointer-model'
import { normalizeGroup } from '@lever/reward-utils'
import type { Group } from '@lever/rl-dataset'
import { auditData } from '../src/audit.ts'
import { stackBatches } from '../src/batches.ts'
import type { TrainingData } from '../src/data.ts'
import { resolvePhase } from '../src/phases.ts'
import type { PhaseOptions } from '../src/phases.ts'
import { scorePolicy } from '../src/score-policy.ts'
import { only, runAll, settings, smallModel } from './helpers.ts'
import { makeWorld } from './world.ts'

const stopping = (): PointerModel => createModel({ architecture: 'stop', settings, seed: 1 })
const pairs = makeWorld({ queries: 64, validation: 32, pool: 10, pointers: 8, good: 0.5 })

/**
 * Adds the first of every pair as a pointer that stops there, and one that stops at once, of reward 0.
 * `rewards` of a pair of reward r, and of its first alone.
 */
function withPrefixes(rewards: { pair: (r: number) => number; single: (r: number) => number }): TrainingData {
  const extend = (group: Group): Group => {
    const { pointers, size, rawRewards, methods } = group
    const firsts = new Map<number, number>()
    for (let g = 0; g < size; g++) firsts.set(pointers[2 * g]!, rewards.single(rawRewards[g]!))
    const raw = Float64Array.of(...Array.from(rawRewards, rewards.pair), ...firsts.values(), 0)
    return {
      ...group,
      pointers: Int32Array.of(...pointers, ...[...firsts.keys()].flatMap((n) => [n, -1]), -1, -1),
      size: size + firsts.size + 1,
      rewards: normalizeGroup(raw).values,
      rawRewards: raw,
      methods: [...methods, ...Array.from(firsts, () => 'random'), 'random'],
    }
  }
  const { groups, validation = [] } = pairs
  return { ...pairs, groups: groups.map(extend), validation: validation.map(extend) }
}

/** A second demonstration halves the reward. */
const enough = withPrefixes({ pair: (r) => r / 2, single: (r) => (r === 1 ? 1 : 0) })
/** One demonstration alone is worth nothing. */
const scarce = withPrefixes({ pair: (r) => r, single: () => 0 })

async function lengths(
  model: PointerModel,
  { validation = [], embeddings }: TrainingData,
): Promise<number[]> {
  const policy = await openPolicy(model)
  const items = validation.map(({ queryRow, poolRows }) => ({ row: queryRow, pool: poolRows }))
  const choices = await policy.greedy({ queries: embeddings, items }, { shots: 2 })
  await policy.close()
  return choices.map(({ pointer }) => pointer.length)
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length

describe('a policy that stops', () => {
  const learning = { epochs: 30, learningRate: 0.02, batchSize: 8, schedule: 'cosine' as const }
  test.each<[string, PhaseOptions]>([
    ['rce', { ...learning, objective: 'rce', options: { temperatureStart: 0.5, temperatureEnd: 0.2 } }],
    ['listwise', { ...learning, objective: 'listwise' }],
  ])('%s learns to stop where more does harm, and to go on where one is not enough', async (_, phase) => {
    const short = await runAll({ model: stopping(), data: enough, phases: [phase] })
    const long = await runAll({ model: stopping(), data: scarce, phases: [phase] })
    const chosen = await lengths(short.result.best.model, enough)
    expect(chosen).not.toContain(0)
    expect(mean(chosen)).toBeLessThan(1.3)
    expect(mean(await lengths(long.result.best.model, scarce))).toBeGreaterThan(1.9)
    const { metrics } = short.result.best
    expect(metrics['eval/chosen']).toBeCloseTo(mean(chosen), 5)
    expect(metrics['eval/reward_top']!).toBeGreaterThan(metrics['eval/random']! + 0.2)
    expect(metrics['eval/oracle']).toBeCloseTo(
      mean(enough.validation!.map(({ rawRewards }) => Math.max(...rawRewards))),
      5,
    )
  })

  test('the reward of a greedy pointer that stopped is that of the measured prefix', async () => {
    const { result } = await runAll({
      model: stopping(),
      data: enough,
      phases: [{ ...learning, objective: 'listwise' }],
    })
    const { model, metrics } = result.best
    const rows = await scorePolicy({ model, groups: enough.validation!, embeddings: enough.embeddings })
    expect(mean(rows.map(({ reward }) => reward))).toBeCloseTo(metrics['eval/reward']!, 5)
    expect(mean(rows.map(({ ranked }) => ranked))).toBeCloseTo(metrics['eval/reward_ranked']!, 4)
    expect(metrics['eval/measured']!).toBeGreaterThan(0.3)
    expect(rows.some(({ measured, reward }) => measured && reward === 1)).toBe(true)
  })

  test('its first GRPO step has ratio 1 and KL 0', async () => {
    for (const form of ['grpo', 'dr_grpo', 'dapo', 'cispo'] as const) {
      const phase: PhaseOptions = {
        objective: 'grpo',
        epochs: 1,
        batchSize: 8,
        options: { form, level: 'token' },
      }
      const { events } = await runAll({ model: stopping(), data: enough, phases: [phase] })
      const { metrics } = only(events, 'step')[0]!
      expect([metrics['pointer/ratio_mean'], metrics['kl']]).toEqual([1, 0])
    }
  })
})

test('places after the end of a pointer are no steps', () => {
  const group = {
    ...enough.groups[0]!,
    pointers: Int32Array.of(3, 1, 2, 4, -1, -1, -1, -1, -1),
    size: 3,
    shots: 3,
  }
  const phase = resolvePhase({ objective: 'sft', epochs: 1 })
  const spec = {
    phase,
    batch: 1,
    rows: 99,
    queryRows: undefined,
    scalars: [],
    sizes: { pool: 10, group: 4, shots: 3 },
  }
  const three = { ...group, rewards: new Float64Array(3), rawRewards: new Float64Array(3) }
  const maskOf = (architecture: 'stop' | 'gru', groups: Group[]): number[] => {
    const { config } = createModel({ architecture, settings })
    const moment = { epoch: 0, step: 0, steps: 1, beta: 0 }
    const { step_mask } = stackBatches({ ...spec, architecture, config }, [{ groups, moment }])
    return Array.from(step_mask as Float32Array)
  }
  expect(maskOf('stop', [three])).toEqual([1, 1, 1, 1, 1, 0, 1, 0, 0, 1, 1, 1])
  expect(maskOf('gru', [three])).toEqual([1, 1, 1])
  const { phases } = auditData(
    { ...enough, groups: [three] },
    [resolvePhase({ objective: 'rce', epochs: 1 })],
    true,
  )
  const [a, b, c] = [11, 10, 9].map(Math.log) as [number, number, number]
  expect(phases[0]!.uniformLoss).toBeCloseTo((a + b + c + (a + b) + a) / 3, 10)
})

test('pointers that end early need an architecture that stops, and end only once', async () => {
  const phases: PhaseOptions[] = [{ objective: 'rce', epochs: 1 }]
  await expect(runAll({ model: smallModel(), data: enough, phases })).rejects.toThrow(
    /ends early, but the policy always chooses 2; train an architecture that stops/,
  )
  const [first] = enough.groups
  const pointers = first!.pointers.with(0, -1)
  await expect(
    runAll({ model: stopping(), data: { ...enough, groups: [{ ...first!, pointers }] }, phases }),
  ).rejects.toThrow(/pointer 0 \[-1, \d\] is not distinct positions in a pool of 10/)
})
