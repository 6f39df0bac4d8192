import { describe, expect, test } from '@jest/globals'
import { readFileSync } from 'node:fs'
import * as g from '@lever/onnx-grad'
import type { Parameters, Tensor, Value } from '@lever/onnx-grad'
import { architectureOf } from '../src/model.ts'
import { sequenceLogits, stepLogProbs } from '../src/sequence.ts'
import type { BoundNet } from '../src/sequence.ts'
import type { TrunkConfig } from '../src/architectures/trunk.ts'
import { goldenFolder, readTensors } from './golden.ts'

interface GoldenCase {
  config: Record<string, number>
  batch: number
  beams: number
  rce: { tag: string; temperature: number; use_top1_only: boolean; loss: number }[]
  adamw: { lr: number; steps: number; grad_clip: number; losses: number[] }
}

const cases = ['small-1layer', 'three-layers-two-heads', 'identity-input']

function load(name: string) {
  const golden = JSON.parse(readFileSync(new URL(`${name}.json`, goldenFolder), 'utf8')) as GoldenCase
  const { d_model, hidden_dim, num_heads, num_layers, K, shot_num } = golden.config
  const config: TrunkConfig = {
    dim: d_model!,
    hidden: hidden_dim!,
    heads: num_heads!,
    layers: num_layers!,
    gate: true,
    temperature: 0.1,
  }
  const weights: Parameters = new Map(
    [...readTensors(`${name}.weights.safetensors`)].map(([key, { shape, data }]) => [
      key,
      { shape, values: data as Float32Array },
    ]),
  )
  const expected = readTensors(`${name}.expected.safetensors`)
  const sizes = { B: golden.batch, G: golden.beams, N: K!, K: shot_num!, D: d_model! }
  return { golden, config, weights, expected, sizes, smoothing: golden.config['label_smoothing']! }
}
type Case = ReturnType<typeof load>

const specs = ({ B, G, N, K, D }: Case['sizes']): Record<string, g.InputSpec> => ({
  query: { shape: [B, D] },
  candidates: { shape: [B, N, D] },
  valid: { shape: [B, N], dtype: 'bool' },
  pointers: { shape: [B, G, K], dtype: 'int64' },
  rewards: { shape: [B, G] },
})

function values({ expected, sizes }: Case): Record<string, g.TensorValues> {
  return {
    query: expected.get('query_emb')!.data,
    candidates: expected.get('cand_emb')!.data,
    valid: new Uint8Array(sizes.B * sizes.N).fill(1),
    pointers: expected.get('beam_labels')!.data,
    rewards: expected.get('beam_rewards')!.data,
  }
}

function feeds(
  spec: Record<string, g.InputSpec>,
  data: Record<string, g.TensorValues>,
): Record<string, Value> {
  return Object.fromEntries(
    Object.entries(spec).map(([key, { shape, dtype = 'float32' }]) => [
      key,
      { dtype, dims: shape, data: data[key]! },
    ]),
  )
}

const inputNodes = (spec: Record<string, g.InputSpec>): Record<string, Tensor> =>
  Object.fromEntries(Object.entries(spec).map(([key, { shape, dtype }]) => [key, g.input(key, shape, dtype)]))

function score(net: BoundNet, nodes: Record<string, Tensor>) {
  const { query, candidates, valid, pointers } = nodes
  return sequenceLogits(net, { query: query!, candidates: candidates!, valid: valid!, pointers: pointers! })
}

/** The original's RCE: sum_i w_i sum_t CE with label smoothing over all N, also the candidates chosen before. */
function rce(
  net: BoundNet,
  nodes: Record<string, Tensor>,
  smoothing: number,
  temperature: number,
  top1: boolean,
): Tensor {
  const { logits, chosen } = score(net, nodes)
  const size = chosen[0]!.shape[2] as number
  const steps = logits.map((scores, t) => {
    const logProbs = g.logSoftmax(scores)
    const target = g.add(g.mul(chosen[t]!, 1 - smoothing), smoothing / size)
    return g.neg(g.sum(g.mul(logProbs, target), { axes: [-1] }))
  })
  const losses = g.addAll(steps)
  if (top1) return g.div(g.mean(g.slice(losses, 1, 0, 1)), steps.length)
  const weights = g.softmax(g.div(nodes['rewards']!, temperature))
  return g.mean(g.sum(g.mul(weights, losses), { axes: [1] }))
}

const relativeError = (found: ArrayLike<number>, expected: ArrayLike<number>): number => {
  let error = 0
  let norm = 0
  for (let i = 0; i < expected.length; i++) {
    error += (found[i]! - expected[i]!) ** 2
    norm += expected[i]! ** 2
  }
  return Math.sqrt(error / Math.max(norm, 1e-30))
}

const largestDifference = (found: ArrayLike<number>, expected: ArrayLike<number>): number => {
  let worst = 0
  for (let i = 0; i < expected.length; i++) {
    worst = Math.max(worst, Math.abs(found[i]! - expected[i]!) / Math.max(1, Math.abs(expected[i]!)))
  }
  return worst
}

describe.each(cases)('%s agrees with PyTorch', (name) => {
  const c = load(name)
  const architecture = architectureOf('cross-attention')
  const spec = specs(c.sizes)
  const constantNet = { architecture, config: c.config, parameter: g.parameterConstants(c.weights) }

  test('logits and log-probabilities', async () => {
    const nodes = inputNodes(spec)
    const scored = score(constantNet, nodes)
    const { B, G, N, K } = c.sizes
    const all = g.concat(
      scored.logits.map((l) => g.expandDims(g.broadcastTo(l, [B, G, N]), 2)),
      2,
    )
    const model = await g.loadModel(
      g.encodeModel({
        outputs: { logits: all, logProbs: g.sum(stepLogProbs(scored), { axes: [-1] }) },
      }),
    )
    const given = feeds(spec, values(c))
    delete given['rewards']
    const result = await model.run(given)
    await model.close()
    const logits = result['logits']!.data as Float32Array
    const first: number[] = []
    for (let b = 0; b < B; b++) first.push(...logits.subarray(b * G * K * N, b * G * K * N + K * N))
    expect(largestDifference(first, c.expected.get('teacher_logits')!.data as Float32Array)).toBeLessThan(
      1e-5,
    )
    expect(
      largestDifference(
        result['logProbs']!.data as Float32Array,
        c.expected.get('beam_log_probs')!.data as Float32Array,
      ),
    ).toBeLessThan(1e-5)
  })

  test.each(c.golden.rce)('loss and gradients of $tag', async ({ tag, temperature, use_top1_only, loss }) => {
    const parameters = [...c.weights].map(([key, { shape }]) => [key, g.input(key, shape)] as const)
    const byName = new Map(parameters)
    const nodes = inputNodes(spec)
    const net = { architecture, config: c.config, parameter: (key: string) => byName.get(key)! }
    const node = rce(net, nodes, c.smoothing, temperature, use_top1_only)
    const found = g.gradients(
      node,
      parameters.map(([, tensor]) => tensor),
    )
    const outputs = Object.fromEntries(found.map((gradient, i) => [`g:${parameters[i]![0]}`, gradient]))
    const model = await g.loadModel(
      g.encodeModel({
        inputs: [...byName.values(), ...Object.values(nodes)],
        outputs: { loss: node, ...outputs },
      }),
    )
    const weights = Object.fromEntries(
      [...c.weights].map(([key, { shape, values: data }]) => [
        key,
        { dtype: 'float32' as const, dims: shape, data },
      ]),
    )
    const result = await model.run({ ...weights, ...feeds(spec, values(c)) })
    await model.close()
    expect(Math.abs(Number(result['loss']!.data[0]) / loss - 1)).toBeLessThan(1e-5)
    for (const [key] of parameters) {
      const expected = c.expected.get(`${tag}.grad.${key}`)!.data as Float32Array
      const gradient = result[`g:${key}`]!.data as Float32Array
      if (key.endsWith('in_proj_bias')) {
        const hidden = c.config.hidden
        for (const from of [0, 2 * hidden]) {
          expect(
            relativeError(gradient.subarray(from, from + hidden), expected.subarray(from, from + hidden)),
          ).toBeLessThan(1e-4)
        }
      } else expect([key, relativeError(gradient, expected) < 1e-4]).toEqual([key, true])
    }
  })

  test('three steps of AdamW', async () => {
    const { adamw } = c.golden
    const layout = g.layoutParameters(c.weights)
    const trainer = await g.openTrainer({
      layout,
      stepInputs: {},
      sharedInputs: spec,
      clipNorm: adamw.grad_clip,
      loss: (parameter, input) => {
        const nodes = Object.fromEntries(Object.keys(spec).map((key) => [key, input(key)]))
        return { loss: rce({ architecture, config: c.config, parameter }, nodes, c.smoothing, 1, false) }
      },
    })
    const result = await trainer.run(g.initialState(layout, c.weights), {
      learningRates: new Array<number>(adamw.steps).fill(adamw.lr),
      stepInputs: {},
      sharedInputs: values(c),
    })
    await trainer.close()
    expect(largestDifference(result.metrics['loss']!, adamw.losses)).toBeLessThan(1e-5)
    for (const [key, { values: found }] of g.parametersOf(layout, result.state)) {
      const expected = c.expected.get(`adamw.param.${key}`)!.data as Float32Array
      const skip = key.endsWith('in_proj_bias') ? c.config.hidden : 0
      expect(relativeError(found.subarray(skip * 2), expected.subarray(skip * 2))).toBeLessThan(1e-4)
    }
  })
})
