import { add, div, matmul, mul, normalize, sigmoid, slice, sub, transposeLast } from '@lever/onnx-grad'
import type { Tensor } from '@lever/onnx-grad'
import { filled, nearIdentity, xavierUniform } from '../initializers.ts'
import { attend, attentionParameters, linear } from '../layers.ts'
import type { Architecture, ArchitectureConfig, Dropout, Features, Net, ParameterSpec } from '../types.ts'

/** Settings of the trunk that the architectures share. */
export interface TrunkConfig extends ArchitectureConfig {
  /** Heads of the cross-attention; a divisor of `hidden`. */
  readonly heads: number
  /** Layers of cross-attention. */
  readonly layers: number
  /** Whether a choice changes the query state; without it the scores are the same at every step. */
  readonly gate: boolean
  /** Inner products of unit vectors are divided by it. */
  readonly temperature: number
}

export const trunkDefaults: Omit<TrunkConfig, 'dim'> = {
  hidden: 256,
  heads: 1,
  layers: 1,
  gate: true,
  temperature: 0.1,
}

/** Arrays of the trunk, named as in the original's checkpoints. */
export function trunkParameters({ hidden, heads, layers, gate }: TrunkConfig): ParameterSpec[] {
  if (hidden % heads !== 0) {
    throw new RangeError(`pointer-model: hidden ${hidden} is not divisible by heads ${heads}; change one`)
  }
  return [
    ...Array.from({ length: layers }, (_, i) =>
      attentionParameters(`cross_attn_layers.${i}`, `attn_norms.${i}`, hidden),
    ).flat(),
    { name: 'query_proj.weight', shape: [hidden, hidden], initial: nearIdentity() },
    { name: 'cand_proj.weight', shape: [hidden, hidden], initial: nearIdentity() },
    ...(gate
      ? [
          { name: 'query_update_gate.weight', shape: [hidden, 2 * hidden], initial: xavierUniform() },
          { name: 'query_update_gate.bias', shape: [hidden], initial: filled(0) },
        ]
      : []),
  ]
}

/** Settings of the trunk from the shapes of its arrays; heads and temperature leave no trace there. */
export function recogniseTrunk(
  shapes: ReadonlyMap<string, readonly number[]>,
): Omit<TrunkConfig, 'dim'> | undefined {
  const hidden = shapes.get('query_proj.weight')?.[0]
  if (hidden === undefined) return undefined
  let layers = 0
  while (shapes.has(`cross_attn_layers.${layers}.in_proj_weight`)) layers += 1
  return { ...trunkDefaults, hidden, layers, gate: shapes.has('query_update_gate.weight') }
}

/** `base` c0 and `key` cn = normalize(W_c dropout(c0)) of projected rows c0. */
export function trunkItems({ parameter }: Net<TrunkConfig>, base: Tensor, dropout: Dropout): Features {
  return { base, key: normalize(linear(dropout(base, 'candidates'), parameter('cand_proj.weight'))) }
}

/** Cross-attention of the query over the pool, then qs = normalize(W_q dropout(x)). */
export function trunkEncode(
  { config, parameter }: Net<TrunkConfig>,
  query: Features,
  pool: Features,
  valid: Tensor,
  dropout: Dropout,
): { state: Features; memory: Features } {
  const { heads, hidden, layers } = config
  let x = query['base']!
  for (let i = 0; i < layers; i++) {
    const names = { attention: `cross_attn_layers.${i}`, norm: `attn_norms.${i}` }
    x = attend(x, pool['base']!, { parameter, ...names, heads, hidden, valid, dropout })
  }
  const state = normalize(linear(dropout(x, 'query'), parameter('query_proj.weight')))
  return { state: { query: state }, memory: { key: pool['key']! } }
}

/** s = qs . cn / temperature */
export function dotLogits({ config }: Net<TrunkConfig>, state: Features, memory: Features): Tensor {
  return div(matmul(state['query']!, transposeLast(memory['key']!)), config.temperature)
}

/** g = sigmoid(W_g [qs; e] + b); qs' = normalize(g qs + (1 - g) e), for e the chosen candidate. */
export function gatedAdvance(
  { config, parameter }: Net<TrunkConfig>,
  state: Features,
  memory: Features,
  chosen: Tensor,
): Features {
  if (!config.gate) return state
  const query = state['query']!
  const example = matmul(chosen, memory['key']!)
  const weight = parameter('query_update_gate.weight')
  const half = (i: number): Tensor => slice(weight, 1, i * config.hidden, (i + 1) * config.hidden)
  const gate = sigmoid(
    add(add(linear(query, half(0)), linear(example, half(1))), parameter('query_update_gate.bias')),
  )
  return { query: normalize(add(example, mul(gate, sub(query, example)))) }
}

/** The parts that the architectures of this folder have in common. */
export const trunk: Pick<Architecture<TrunkConfig>, 'encode' | 'logits' | 'advance'> = {
  encode: trunkEncode,
  logits: dotLogits,
  advance: gatedAdvance,
}
