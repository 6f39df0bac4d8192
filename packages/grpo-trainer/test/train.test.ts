import { describe, expect, test } from '@jest/globals'
import type { Group } from '@lever/rl-dataset'
import { openPolicy } from '@lever/pointer-model'
import type { PhaseOptions } from '../src/phases.ts'
import { queryRewards, rewardMetrics } from '../src/reward-metrics.ts'
import { scorePolicy } from '../src/score-policy.ts'
import { only, runAll, smallModel } from './helpers.ts'
import { makeWorld } from './world.ts'

const world = makeWorld({ queries: 48, validation: 24, pool: 10, pointers: 8 })
const start = { model: smallModel(), data: world }
const learning: PhaseOptions = { objective: 'listwise', epochs: 8, learningRate: 0.02, batchSize: 8 }

describe('what is reported', () => {
  test('an audit first, validation at step 0 and after every epoch, every step', async () => {
    const phases: PhaseOptions[] = [
      { objective: 'rce', epochs: 2, batchSize: 7 },
      { objective: 'grpo', epochs: 0 },
    ]
    const { events, result } = await runAll({ ...start, phases })
    expect(events[0]).toMatchObject({
      type: 'audit',
      audit: {
        queries: 48,
        pointers: 384,
        validationQueries: 24,
        phases: [
          {
            objective: 'rce',
            groups: 48,
            steps: 14,
            uniformLoss: expect.closeTo(Math.log(10) + Math.log(9), 10) as unknown,
          },
          { objective: 'grpo', steps: 0, uniformLoss: 0 },
        ],
        warnings: [],
      },
    })
    expect(events[1]).toMatchObject({ type: 'validation', epoch: 0, step: 0, phase: 'rce', best: true })
    expect(only(events, 'validation').map(({ epoch }) => epoch)).toEqual([0, 1, 2])
    const steps = only(events, 'step')
    expect(steps.map(({ step }) => step)).toEqual(Array.from({ length: 14 }, (_, i) => i + 1))
    expect(Object.keys(steps[0]!.metrics).sort()).toEqual(
      [
        ...['entropy', 'frac_reward_zero_std', 'grad_norm', 'learning_rate'],
        ...['loss', 'reward', 'reward_std', 'temperature'],
      ].sort(),
    )
    expect(steps[0]!.metrics['temperature']).toBe(2)
    expect(steps[13]!.metrics['temperature']).toBe(0.5)
    expect(steps[13]!.epoch).toBe(2)
    expect(only(events, 'notice').map(({ message }) => message)).toEqual([
      'GRPO is not asked for (0 epochs): the policy that RCE trained is final',
    ])
    expect(result.status).toBe('finished')
    expect(result.last).toMatchObject({ phase: 'rce', epoch: 2, step: 14 })
  })

  test('groups without any reward variance', async () => {
    const flat = world.groups.map((group): Group => ({
      ...group,
      rewards: new Float64Array(group.size),
      rawRewards: new Float64Array(group.size).fill(0.5),
    }))
    const data = { ...world, groups: flat, validation: [] }
    const { events, result } = await runAll({ ...start, data, phases: [learning] })
    expect(only(events, 'audit')[0]!.audit).toMatchObject({
      zeroVariance: 1,
      warnings: [
        '0 of 48 groups have any reward variance: the rewards cannot teach anything',
        'no phase has an epoch and a group to train on: nothing is trained, the policy stays as it is',
        'no validation groups: the last policy is taken, not the best',
      ],
    })
    expect(only(events, 'notice')[0]!.message).toBe(
      'listwise has no group with any reward variance: the policy stays as it is',
    )
    expect(result.best.phase).toBe('init')
    expect(result.best.model.parameters).toEqual(start.model.parameters)
  })
})

test('validation on what is trained on is warned of, by query or by image', async () => {
  const warningsOf = async (validation: readonly Group[]): Promise<readonly string[]> => {
    const groups = world.groups.map((group) => ({ ...group, imageId: group.queryId }))
    const { events } = await runAll({ ...start, data: { ...world, groups, validation }, phases: [] })
    return only(events, 'audit')[0]!.audit.warnings.filter((text) => text.includes('too good'))
  }
  const [own, other] = [world.groups[0]!, world.validation![0]!]
  const message =
    '1 of 2 validation groups are about queries or images that are trained on: their figures are too good'
  expect(await warningsOf([own, other])).toEqual([message])
  expect(await warningsOf([{ ...other, imageId: 3 }, other])).toEqual([message])
  expect(await warningsOf([other])).toEqual([])
})

test('patience without validation is said to have no effect', async () => {
  const phases = [{ ...learning, epochs: 1, patience: 2 }]
  const { events } = await runAll({ ...start, data: { ...world, validation: [] }, phases })
  expect(only(events, 'audit')[0]!.audit.warnings).toEqual([
    'no validation groups: the last policy is taken, not the best, and patience ends no phase',
  ])
})

test('phases without epochs: says that nothing is trained, and which policy is final', async () => {
  const none: PhaseOptions[] = [
    { objective: 'rce', epochs: 0 },
    { objective: 'grpo', epochs: 0 },
  ]
  const { events, result } = await runAll({ ...start, phases: none })
  expect(only(events, 'audit')[0]!.audit.warnings).toEqual([
    'no phase has an epoch and a group to train on: nothing is trained, the policy stays as it is',
  ])
  expect(result.best.model.parameters).toEqual(start.model.parameters)
  const some: PhaseOptions[] = [
    { objective: 'rce', epochs: 1 },
    { objective: 'listwise', epochs: 0 },
    none[1]!,
  ]
  const trained = await runAll({ ...start, phases: some })
  expect(only(trained.events, 'notice').map(({ message }) => message)).toEqual([
    'listwise is not asked for (0 epochs): the policy that RCE trained is final',
    'GRPO is not asked for (0 epochs): the policy that RCE trained is final',
  ])
})

describe('learning', () => {
  test.each(['sft', 'rce', 'listwise', 'grpo'] as const)('%s raises the reward', async (objective) => {
    const learningRate = objective === 'grpo' ? 0.005 : 0.02
    const fields = { epochs: 8, learningRate, batchSize: 8 }
    const phases: PhaseOptions[] = [
      objective === 'rce'
        ? { ...fields, objective, options: { temperatureEnd: 0.1 } }
        : { ...fields, objective },
    ]
    const { events, result } = await runAll({ ...start, phases })
    const rewards = only(events, 'validation').map(({ metrics }) => metrics['eval/reward_ranked']!)
    const { metrics } = result.best
    expect(metrics['eval/reward_ranked']).toBe(Math.max(...rewards))
    expect(metrics['eval/reward_ranked']!).toBeGreaterThan(rewards[0]! + 0.02)
    expect(metrics['eval/reward_ranked']!).toBeLessThanOrEqual(metrics['eval/oracle']!)
    expect(metrics['eval/reward_top']!).toBeGreaterThan(metrics['eval/random']!)
  })

  test('scored query by query, a policy has the figures of its validation', async () => {
    const { result } = await runAll({ ...start, phases: [{ ...learning, epochs: 2 }] })
    const { model, metrics } = result.best
    const rows = await scorePolicy({ model, groups: world.validation!, embeddings: world.embeddings })
    expect(rows).toHaveLength(24)
    for (const [name, value] of Object.entries(rewardMetrics(rows)))
      expect([name, value]).toEqual([name, expect.closeTo(metrics[name]!, 4)])
  })

  test('the greedy pointer of the best policy helps', async () => {
    const { result } = await runAll({ ...start, phases: [learning] })
    const policy = await openPolicy(result.best.model)
    const items = world.validation!.map(({ queryRow, poolRows }) => ({ row: queryRow, pool: poolRows }))
    const choices = await policy.greedy({ queries: world.embeddings, items }, { shots: 2 })
    await policy.close()
    expect(choices).toHaveLength(24)
  })

  test('patience ends a phase; a later phase starts from the best', async () => {
    const phases: PhaseOptions[] = [
      { ...learning, epochs: 30, patience: 2 },
      { ...learning, objective: 'rce', epochs: 1, learningRate: 1e-9 },
    ]
    const { events } = await runAll({ ...start, phases })
    const first = only(events, 'validation').filter(({ phase }) => phase === 'listwise')
    expect(first.length).toBeLessThan(31)
    expect(first.slice(-2).map(({ best }) => best)).toEqual([false, false])
    expect(first.at(-3)!.best).toBe(true)
    const then = only(events, 'validation').find(({ phase }) => phase === 'rce')!
    expect(then.metrics['eval/reward_ranked']).toBe(first.at(-3)!.metrics['eval/reward_ranked'])
    expect(only(events, 'notice')[1]!.message).toMatch(
      /^listwise stops after epoch \d+: no better validation for 2 epochs$/,
    )
  })

  test('weights are averaged over the ends of epochs', async () => {
    const data = { ...world, validation: [] }
    const last = async (epochs: number, average: number | null): Promise<number> => {
      const { result } = await runAll({ ...start, data, phases: [{ ...learning, epochs, average }] })
      return result.last.model.parameters.get('cand_proj.weight')!.values[5]!
    }
    const ends = [await last(1, null), await last(2, null), await last(3, null), await last(4, null)]
    expect(await last(4, 0.5)).toBeCloseTo((ends[2]! + ends[3]!) / 2, 6)
    expect(await last(4, 0)).toBeCloseTo((ends[0]! + ends[1]! + ends[2]! + ends[3]!) / 4, 6)
    expect(await last(2, 0.9)).toBeCloseTo(ends[1]!, 6)
  })

  test('frozen parameters stay', async () => {
    const phases: PhaseOptions[] = [{ ...learning, epochs: 1, freeze: ['query_proj.*', 'cand_proj.*'] }]
    const { result, events } = await runAll({ ...start, phases })
    const sizes = Array.from(start.model.parameters, ([name, { values }]): [string, number] => [
      name,
      values.length,
    ])
    const total = sizes.reduce((sum, [, size]) => sum + size, 0)
    const trains = sizes
      .filter(([name]) => !/^(query|cand)_proj/.test(name))
      .reduce((sum, [, size]) => sum + size, 0)
    const share = ((100 * trains) / total).toFixed(1)
    expect(only(events, 'notice').map(({ message }) => message)).toContain(
      `listwise: trains ${trains} of ${total} parameters (${share} %)`,
    )
    const after = result.last.model.parameters
    expect(after.get('query_proj.weight')!.values).toEqual(
      start.model.parameters.get('query_proj.weight')!.values,
    )
    expect(after.get('query_update_gate.weight')!.values).not.toEqual(
      start.model.parameters.get('query_update_gate.weight')!.values,
    )
  })
})

test('rewards of a validation, by hand', () => {
  const [one, two] = world.groups.slice(0, 2).map((group): Group => ({
    ...group,
    pointers: Int32Array.of(0, 1, 2, 3, 4, 5),
    size: 3,
    rawRewards: Float64Array.of(0, 1, 0.5),
  }))
  const scores = [
    [-1, -2, -3],
    [-5, -5, -5],
  ]
  const greedy = [Int32Array.of(2, 3), Int32Array.of(3, 2)]
  const [a, b, c] = [1, Math.exp(-1), Math.exp(-2)]
  const expected = (b + 0.5 * c) / (a + b + c)
  const z = 3 * Math.sqrt(1.5)
  const ranked = (Math.exp(-z) + 0.5 * Math.exp(-2 * z)) / (1 + Math.exp(-z) + Math.exp(-2 * z))
  const found = rewardMetrics(queryRewards([one!, two!], scores, greedy))
  expect(found['eval/measured']).toBe(0.5)
  expect(found['eval/reward']).toBeCloseTo((1 + 0.5) / 2, 12)
  expect(found['eval/reward_expected']).toBeCloseTo((expected + 0.5) / 2, 12)
  expect(found['eval/reward_ranked']).toBeCloseTo((ranked + 0.5) / 2, 12)
  expect(found['eval/reward_top']).toBe(0)
  const [stopped] = queryRewards([one!], scores, [Int32Array.of(2)])
  expect(stopped!.measured).toBe(false)
})

describe('batches', () => {
  test('groups of different pools, sizes and shots train together as they would alone', async () => {
    const parts = [
      makeWorld({ queries: 1, pool: 6, pointers: 3, shots: 1, seed: 3 }),
      makeWorld({ queries: 1, pool: 9, pointers: 5, shots: 3, seed: 4 }),
      makeWorld({ queries: 1, pool: 4, pointers: 2, shots: 2, seed: 5 }),
    ]
    const one = { ...world, validation: [] }
    const inWorld = (group: Group): Group => group
    for (const objective of ['sft', 'rce', 'listwise', 'grpo'] as const) {
      const phase: PhaseOptions = { objective, epochs: 1, batchSize: 3, dropFlat: false }
      const lossOf = async (groups: readonly Group[]): Promise<number> => {
        const { events } = await runAll({
          ...start,
          data: { ...one, groups: groups.map(inWorld) },
          phases: [phase],
        })
        return only(events, 'step')[0]!.metrics['loss']!
      }
      const groups = parts.map(({ groups: [group] }) => ({ ...group!, queryRow: group!.queryRow }))
      const together = await lossOf(groups)
      let total = 0
      for (const group of groups) total += await lossOf([group])
      expect(together).toBeCloseTo(total / 3, 4)
    }
  })

  test('one and two threads, large and small chunks give the same bytes', async () => {
    const phases: PhaseOptions[] = [{ ...learning, epochs: 2, dropout: 0.3, attentionDropout: 0.1 }]
    const { result } = await runAll({ ...start, phases })
    for (const other of [{ threads: 2 }, { chunk: 1 }, { chunk: 5 }]) {
      const again = await runAll({ ...start, phases, ...other })
      expect(again.result).toEqual(result)
    }
    const seeded = await runAll({ ...start, phases, seed: 1 })
    expect(seeded.result.last.model.parameters).not.toEqual(result.last.model.parameters)
  })
})
