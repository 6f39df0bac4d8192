import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from '@jest/globals'
import type { Group } from '@lever/rl-dataset'
import { openPolicy, readCheckpoint } from '@lever/pointer-model'
import { createRandom } from '@lever/reward-utils'
import type { Options } from '../src/objectives/types.ts'
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
      'grpo has 0 epochs: the rce policy is final',
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
    'listwise has 0 epochs: the rce policy is final',
    'grpo has 0 epochs: the rce policy is final',
  ])
})

describe('learning', () => {
  test.each(['sft', 'rce', 'listwise', 'grpo'] as const)('%s raises the reward', async (objective) => {
    const options = objective === 'rce' ? { temperatureEnd: 0.1 } : {}
    const phases: PhaseOptions[] = [
      { ...learning, objective, options, ...(objective === 'grpo' ? { learningRate: 0.005 } : {}) },
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

describe('GRPO', () => {
  const grpo: PhaseOptions = { objective: 'grpo', epochs: 2, learningRate: 0.01, batchSize: 8 }

  test('the first step has ratio 1 and KL 0, exactly; later ones do not', async () => {
    for (const options of [{}, { level: 'token', kl: 'k3' }]) {
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
    const betas = async (adaptiveKl: string): Promise<number[]> => {
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

describe('errors', () => {
  const group = world.groups[0]!
  test.each([
    ['there is no objective "ppo"; use sft, rce', { phases: [{ objective: 'ppo' as 'rce', epochs: 1 }] }],
    [
      'epochs of phase rce must be a whole number from 0, got 1.5',
      { phases: [{ objective: 'rce', epochs: 1.5 }] },
    ],
    [
      'dropout of phase rce must be a number from 0 and below 1, got 1',
      { phases: [{ objective: 'rce', epochs: 1, dropout: 1 }] },
    ],
    [
      'rce has no option "temprature"',
      { phases: [{ objective: 'rce', epochs: 1, options: { temprature: 1 } }] },
    ],
    [
      'option kl of grpo must be one of k1, k2, k3, exact, got k4',
      { phases: [{ objective: 'grpo', epochs: 1, options: { kl: 'k4' } }] },
    ],
    [
      'option temperatureEnd of rce must be a number, got 1',
      { phases: [{ objective: 'rce', epochs: 1, options: { temperatureEnd: '1' } }] },
    ],
    ['a phase has no "lr"; it has objective, epochs, learningRate', { phases: [{ ...learning, lr: 1 }] }],
    [
      'phase grpo: reward-utils: adaptive KL needs',
      { phases: [learning, { objective: 'grpo', epochs: 1, options: { klTargetLow: 0.2 } }] },
    ],
    [
      'phase rce: onnx-grad: freeze "nothing.*" matches no parameter',
      { phases: [learning, { objective: 'rce', epochs: 1, freeze: ['nothing.*'] }] },
    ],
    [
      'freeze of phase rce leaves no parameter to train, got *',
      { phases: [learning, { objective: 'rce', epochs: 1, freeze: ['*'] }] },
    ],
    [
      'query 0 has a pointer without logprob_score',
      {
        data: { ...world, groups: [{ ...group, logProbs: Float64Array.of(-1) }] },
        phases: [{ objective: 'grpo', epochs: 1, options: { behaviour: 'mask' } }],
      },
    ],
    ['query 0: row 0.5 is not in the 120', { data: { ...world, groups: [{ ...group, queryRow: 0.5 }] } }],
    [
      'selectBy must be one of reward_ranked, reward, reward_expected, reward_top, loss',
      { selectBy: 'rewards' },
    ],
    ['chunk must be a whole number from 1, got 0', { chunk: 0 }],
    [
      'freeze of phase listwise must be a list of patterns, got "a"',
      { phases: [{ ...learning, freeze: 'a' }] },
    ],
    [
      'dropFlat of phase listwise must be true or false, got "no"',
      { phases: [{ ...learning, dropFlat: 'no' }] },
    ],
    [
      'learningRate of phase listwise must be a number above 0, got "1"',
      { phases: [{ ...learning, learningRate: '1' }] },
    ],
    ['cannot read', { output: fileURLToPath(import.meta.url) }],
    ['there is no group to train on', { data: { ...world, groups: [] } }],
    ['embeddings have size 4', { data: { ...world, embeddings: { ...world.embeddings, dim: 4 } } }],
    [
      'query 0: row 900 is not in the 120 query embeddings',
      { data: { ...world, groups: [{ ...group, queryRow: 900 }] } },
    ],
    [
      'query 0: reward 0 is NaN',
      { data: { ...world, groups: [{ ...group, rawRewards: group.rawRewards.map(() => NaN) }] } },
    ],
    [
      'is not distinct positions in a pool of 10',
      { data: { ...world, groups: [{ ...group, pointers: group.pointers.map(() => 3) }] } },
    ],
  ] as const)('%s', async (message, change) => {
    const options = { ...start, phases: [learning], ...change } as never
    await expect(runAll(options)).rejects.toThrow(message)
    await expect(runAll(options)).rejects.toMatchObject({ code: 'LEVER_INPUT' })
  })

  test('a loss that is not finite names the queries, and what there is to go back to', async () => {
    const wild: PhaseOptions = { ...learning, learningRate: 1e30, clipNorm: null, batchSize: 2 }
    const place = /(loss|grad_norm) of step \d+ is (NaN|-?Infinity); queries of the batch: \d+, \d+; /
    const attempt = runAll({ ...start, phases: [wild] })
    await expect(attempt).rejects.toThrow(place)
    await expect(attempt).rejects.toThrow('; nothing was saved, since there is no output folder; lower')
    const output = await mkdtemp(join(tmpdir(), 'lever-train-'))
    await expect(runAll({ ...start, phases: [wild], output: join(output, 'first') })).rejects.toThrow(
      '; no epoch was finished before, so there is no checkpoint to go back to; lower',
    )
    const second = runAll({ ...start, phases: [{ ...learning, epochs: 1 }, wild], output })
    await expect(second).rejects.toThrow(
      `; ${join(output, 'checkpoints', 'last.safetensors')} is the policy after step 6; lower`,
    )
    const { info } = await readCheckpoint(join(output, 'checkpoints', 'last.safetensors'))
    expect(info).toMatchObject({ phase: 'listwise', epoch: 1, step: 6 })
    await rm(output, { recursive: true })
  })
})
