import { describe, expect, test } from '@jest/globals'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import * as g from '@lever/onnx-grad'
import type { Tensor, Value } from '@lever/onnx-grad'
import { architectureOf, readCheckpoint, sequenceLogits } from '@lever/pointer-model'
import type { Group } from '@lever/rl-dataset'
import { decodeSafetensors } from '@lever/tensor-files'
import { OBJECTIVES, resolveOptions } from '../src/objectives/index.ts'
import type { ObjectiveName } from '../src/objectives/index.ts'
import type { Options, RewardedGroup, Scored } from '../src/objectives/types.ts'
import type { TrainingData } from '../src/data.ts'
import type { PhaseOptions } from '../src/phases.ts'
import { only, runAll } from './helpers.ts'

const folder = new URL('../../../fixtures/golden/pointer-model/', import.meta.url)

interface GoldenCase {
  config: { num_heads: number; label_smoothing: number; shot_num: number }
  batch: number
  beams: number
  rce: { tag: string; temperature: number; use_top1_only: boolean; loss: number }[]
  adamw: {
    lr: number
    steps: number
    grad_clip: number
    weight_decay: number
    temperature: number
    losses: number[]
  }
  grpo: {
    tag: string
    use_top_k: number | null
    kl_beta: number
    clip_epsilon: number
    use_ppo_clip_only: boolean
    loss: number
    ppo_loss: number
    kl: number
    mean_ratio: number
  }[]
}

/** Which of equal rewards torch.topk(3) took; it does not promise an order. */
const topThree: Readonly<Record<string, readonly (readonly number[])[]>> = {
  'small-1layer': [
    [2, 3, 4],
    [0, 1, 3],
    [0, 2, 3],
  ],
  'three-layers-two-heads': [
    [3, 4, 5],
    [1, 3, 4],
  ],
  'identity-input': [
    [2, 3, 4],
    [0, 1, 3],
    [0, 3, 4],
    [1, 2, 3],
  ],
}

interface Expectation {
  tag: string
  loss: number
  metrics?: Record<string, number>
}

async function load(name: string) {
  const golden = JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8')) as GoldenCase
  const path = fileURLToPath(new URL(`${name}.weights.safetensors`, folder))
  const { model } = await readCheckpoint(path, { settings: { heads: golden.config.num_heads } })
  const bytes = readFileSync(new URL(`${name}.expected.safetensors`, folder))
  return { golden, model, expected: decodeSafetensors(bytes).tensors }
}
type Case = Awaited<ReturnType<typeof load>>

/** Loss, metrics and gradients of an objective on the golden batch. */
async function evaluate(
  { golden, model, expected }: Case,
  name: ObjectiveName,
  given: Options,
  beta: number,
  preferred?: readonly (readonly number[])[],
) {
  const [B, G, K] = [golden.batch, golden.beams, golden.config.shot_num]
  const options = resolveOptions(name, given)
  const objective = OBJECTIVES[name]
  const parameters = new Map([...model.parameters].map(([key, { shape }]) => [key, g.input(key, shape)]))
  const constant = (key: string): Tensor => {
    const { data, shape } = expected.get(key)!
    return g.constant(data as Float32Array, shape, data instanceof BigInt64Array ? 'int64' : 'float32')
  }
  const ones = (shape: number[], dtype: 'float32' | 'bool' = 'float32'): Tensor =>
    g.constant(new Array<number>(shape.reduce((a, b) => a * b)).fill(1), shape, dtype)
  const candidates = constant('cand_emb')
  const scored = sequenceLogits(
    {
      architecture: architectureOf(model.architecture),
      config: model.config,
      parameter: (key) => parameters.get(key)!,
    },
    {
      query: constant('query_emb'),
      candidates,
      valid: ones(candidates.shape.slice(0, 2) as number[], 'bool'),
      pointers: constant('beam_labels'),
    },
  )
  const logSoftmax = scored.logits.map((logits) => g.logSoftmax(logits))
  const picked = logSoftmax.map((each, t) =>
    g.sum(g.mul(each, scored.chosen[t]!), { axes: [-1], keepDims: true }),
  )
  const policy: Scored = { ...scored, logSoftmax, logProbs: g.concat(picked, -1) }
  const sums = g.expandDims(constant('old_log_probs'), -1)
  const old: Scored = { ...policy, logProbs: g.pad(sums, 2, 0, K - 1) }

  const rewards = expected.get('beam_rewards')!.data as Float32Array
  const groups = Array.from({ length: B }, (_, b): RewardedGroup => {
    const own = Float64Array.from(
      rewards.subarray(b * G, (b + 1) * G),
      (reward, i) => reward + (preferred?.[b]!.includes(i) ? 1e-9 : 0),
    )
    return { size: G, shots: K, rewards: own, rawRewards: own }
  })
  const weighed = objective.weigh(groups, { epoch: 0, step: 0, steps: 1, beta }, options)
  const flat = (f: (b: number, i: number) => number): Tensor =>
    g.constant(
      Array.from({ length: B * G }, (_, i) => f(Math.floor(i / G), i % G)),
      [B, G],
    )
  const { loss, metrics } = objective.loss(
    {
      policy,
      ...(name === 'grpo' ? { old, ...(beta > 0 ? { reference: old } : {}) } : {}),
      weights: flat((b, i) => weighed[b]!.weights[i]!),
      keep: flat((b, i) => ((weighed[b]!.keep?.[i] ?? true) ? 1 : 0)),
      queryWeight: g.mul(ones([B]), 1 / B),
      steps: ones([B, 1, K]),
      scalar: () => g.scalar(beta),
    },
    options,
  )
  const names = [...parameters.keys()]
  const gradients = g.gradients(loss, [...parameters.values()])
  const runner = await g.loadModel(
    g.encodeModel({
      inputs: [...parameters.values()],
      outputs: {
        loss,
        ...Object.fromEntries(Object.entries(metrics).map(([key, node]) => [`metric.${key}`, node])),
        ...Object.fromEntries(gradients.map((node, i) => [`gradient.${names[i]!}`, node])),
      },
    }),
  )
  const feeds = Object.fromEntries(
    [...model.parameters].map(([key, { shape, values }]): [string, Value] => [
      key,
      { dtype: 'float32', dims: shape, data: values },
    ]),
  )
  const result = await runner.run(feeds)
  await runner.close()
  return { result, weighed, names }
}

function check(
  { expected, model }: Case,
  { result, names }: Awaited<ReturnType<typeof evaluate>>,
  wanted: Expectation,
): void {
  const number = (key: string): number => Number(result[key]!.data[0])
  expect(Math.abs(number('loss') - wanted.loss) / Math.max(1, Math.abs(wanted.loss))).toBeLessThan(1e-5)
  for (const [key, value] of Object.entries(wanted.metrics ?? {}))
    expect(number(`metric.${key}`)).toBeCloseTo(value, 5)
  for (const name of names) {
    const gradient = result[`gradient.${name}`]!.data as Float32Array
    const reference = expected.get(`${wanted.tag}.grad.${name}`)!.data as Float32Array
    const { hidden } = model.config
    const parts = name.endsWith('in_proj_bias') ? [0, 2 * hidden] : [0]
    for (const from of parts) {
      const to = parts.length > 1 ? from + hidden : gradient.length
      expect([name, relativeError(gradient.subarray(from, to), reference.subarray(from, to)) < 1e-4]).toEqual(
        [name, true],
      )
    }
  }
}

function relativeError(found: Float32Array, expected: Float32Array): number {
  const norm = (values: Iterable<number>): number => Math.hypot(...values)
  return norm(found.map((x, i) => x - expected[i]!)) / Math.max(norm(expected), 1e-20)
}

/** The golden batch as data of a training: a query and its candidates are rows of one matrix. */
function dataOf({ golden, expected }: Case): TrainingData {
  const [B, G, K] = [golden.batch, golden.beams, golden.config.shot_num]
  const values = (name: string): Float32Array => expected.get(name)!.data as Float32Array
  const [, N, dim] = expected.get('cand_emb')!.shape as [number, number, number]
  const labels = Array.from(expected.get('beam_labels')!.data as BigInt64Array, Number)
  const groups = Array.from({ length: B }, (_, b): Group => {
    const rewards = Float64Array.from(values('beam_rewards').subarray(b * G, (b + 1) * G))
    const poolRows = Int32Array.from({ length: N }, (_unused, n) => B + b * N + n)
    return {
      queryId: b,
      imageId: b,
      queryRow: b,
      poolIds: Array.from(poolRows),
      poolRows,
      pointers: Int32Array.from(labels.slice(b * G * K, (b + 1) * G * K)),
      size: G,
      shots: K,
      rewards,
      rawRewards: rewards,
      logProbs: null,
      methods: Array.from(rewards, () => 'golden'),
    }
  })
  const data = Float32Array.from([...values('query_emb'), ...values('cand_emb')])
  return { groups, embeddings: { data, dim } }
}

describe.each(['small-1layer', 'three-layers-two-heads', 'identity-input'])('%s', (name) => {
  test('RCE agrees with PyTorch', async () => {
    const c = await load(name)
    for (const { tag, temperature, use_top1_only, loss } of c.golden.rce) {
      const found = await evaluate(
        c,
        'rce',
        {
          temperatureStart: temperature,
          temperatureEnd: temperature,
          top1: use_top1_only ? 'first' : 'off',
          labelSmoothing: c.golden.config.label_smoothing,
          smoothOver: 'all',
        },
        0,
      )
      check(c, found, { tag, loss })
    }
  })

  test('a training of three steps ends at the parameters of torch.optim.AdamW', async () => {
    const c = await load(name)
    const { lr, steps, grad_clip, weight_decay, temperature, losses } = c.golden.adamw
    const phase: PhaseOptions = {
      ...{ objective: 'rce', epochs: steps, batchSize: c.golden.batch, learningRate: lr },
      ...{ clipNorm: grad_clip, weightDecay: weight_decay },
      options: {
        ...{ temperatureStart: temperature, temperatureEnd: temperature },
        ...{ labelSmoothing: c.golden.config.label_smoothing, smoothOver: 'all' },
      },
    }
    const { events, result } = await runAll({ model: c.model, data: dataOf(c), phases: [phase] })
    only(events, 'step').forEach(({ metrics }, i) =>
      expect(Math.abs(metrics['loss']! - losses[i]!) / losses[i]!).toBeLessThan(1e-5),
    )
    for (const [key, { values }] of result.last.model.parameters) {
      const expected = c.expected.get(`adamw.param.${key}`)!.data as Float32Array
      const from = key.endsWith('in_proj_bias') ? 2 * c.model.config.hidden : 0
      expect(relativeError(values.subarray(from), expected.subarray(from))).toBeLessThan(1e-4)
    }
  })

  test('GRPO agrees with PyTorch', async () => {
    const c = await load(name)
    for (const item of c.golden.grpo) {
      const beta = item.use_ppo_clip_only ? 0 : item.kl_beta
      const found = await evaluate(
        c,
        'grpo',
        {
          clipLow: item.clip_epsilon,
          clipHigh: item.clip_epsilon,
          topKFirst: item.use_top_k,
          topK: item.use_top_k,
          doubleNormalize: true,
          kl: 'k3',
          klDirection: 'reference',
          beta,
        },
        beta,
        item.use_top_k === 3 ? topThree[name] : undefined,
      )
      check(c, found, {
        tag: item.tag,
        loss: item.loss,
        metrics: { policy_loss: item.ppo_loss, ratio: item.mean_ratio, ...(beta > 0 ? { kl: item.kl } : {}) },
      })
      if (item.use_top_k !== null) continue
      const advantages = c.expected.get('advantages')!.data as Float32Array
      found.weighed.forEach(({ weights }, b) =>
        weights.forEach((value, i) => expect(value).toBeCloseTo(advantages[b * weights.length + i]!, 5)),
      )
    }
  })
})
