import { InputError } from '@lever/durable-files'
import { add, div, matmul, mul, normalize, sigmoid, slice, sub, transposeLast } from '@lever/onnx-grad'
import type { Tensor } from '@lever/onnx-grad'
import { filled, nearIdentity, xavierUniform } from '../initializers.ts'
import { attend, attentionParameters, linear } from '../layers.ts'
import type { Architecture, ArchitectureConfig, Dropout, Features, Net, ParameterSpec } from '../types.ts'

/** Settings of the encoder that the architectures share. */
export interface EncoderConfig extends ArchitectureConfig {
  /** Heads of the cross-attention; a divisor of `hidden`. */
  readonly heads: number
  /** Layers of cross-attention. */
  readonly layers: number
  /** Scores are divided by it. */
  readonly temperature: number
}

/** Settings of the trunk: the encoder, and how a choice changes the query state. */
export interface TrunkConfig extends EncoderConfig {
  /** Whether a choice changes the query state; without it the scores are the same at every step. */
  readonly gate: boolean
}

export const encoderDefaults: Omit<EncoderConfig, 'dim'> = {
  hidden: 256,
  heads: 1,
  layers: 1,
  temperature: 0.1,
}

export const trunkDefaults: Omit<TrunkConfig, 'dim'> = { ...encoderDefaults, gate: true }

/** The shared input projection without bias, which is the identity (and no array) when D = H. */
export function projectionParameters({ dim, hidden }: ArchitectureConfig): ParameterSpec[] {
  if (dim === hidden) return []
  return [{ name: 'input_proj.weight', shape: [hidden, dim], initial: xavierUniform() }]
}

/** Rows [..., D] in the hidden space. */
export function projectRows({ config, parameter }: Net, rows: Tensor): Tensor {
  return config.dim === config.hidden ? rows : linear(rows, parameter('input_proj.weight'))
}

/** D from the shapes of a checkpoint with `input_proj.weight`. */
export function recogniseDim(shapes: ReadonlyMap<string, readonly number[]>, hidden: number): number {
  return shapes.get('input_proj.weight')?.[1] ?? hidden
}

/** Arrays of the encoder, named as in the original's checkpoints. */
export function encoderParameters({ hidden, heads, layers }: EncoderConfig): ParameterSpec[] {
  if (hidden % heads !== 0) {
    throw new InputError(`pointer-model: hidden ${hidden} is not divisible by heads ${heads}; change one`)
  }
  return [
    ...Array.from({ length: layers }, (_, i) =>
      attentionParameters(`cross_attn_layers.${i}`, `attn_norms.${i}`, hidden),
    ).flat(),
    { name: 'query_proj.weight', shape: [hidden, hidden], initial: nearIdentity() },
    { name: 'cand_proj.weight', shape: [hidden, hidden], initial: nearIdentity() },
  ]
}

/** Arrays of the trunk, named as in the original's checkpoints. */
export function trunkParameters(config: TrunkConfig): ParameterSpec[] {
  const { hidden, gate } = config
  if (!gate) return encoderParameters(config)
  return [
    ...encoderParameters(config),
    { name: 'query_update_gate.weight', shape: [hidden, 2 * hidden], initial: xavierUniform() },
    { name: 'query_update_gate.bias', shape: [hidden], initial: filled(0) },
  ]
}

/** Settings of the trunk from the shapes of its arrays; heads and temperature leave no trace there. */
export function recogniseTrunk(
  shapes: ReadonlyMap<string, readonly number[]>,
): Omit<TrunkConfig, 'dim'> | undefined {
  const hidden = (shapes.get('query_proj.weight') ?? shapes.get('cand_proj.weight'))?.[0]
  if (hidden === undefined) return undefined
  let layers = 0
  while (shapes.has(`cross_attn_layers.${layers}.in_proj_weight`)) layers += 1
  if (layers === 0) return undefined
  return { ...trunkDefaults, hidden, layers, gate: shapes.has('query_update_gate.weight') }
}

/** `base` c0 and `key` cn = normalize(W_c dropout(c0)) of projected rows c0. */
export function trunkItems({ parameter }: Net, base: Tensor, dropout: Dropout): Features {
  return { base, key: normalize(linear(dropout(base, 'candidates'), parameter('cand_proj.weight'))) }
}

/** Cross-attention of the query over the pool, then qs = normalize(W_q dropout(x)). */
export function trunkEncode(
  { config, parameter }: Net<EncoderConfig>,
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
export function dotLogits(
  { config }: Net<{ temperature: number } & ArchitectureConfig>,
  state: Features,
  memory: Features,
): Tensor {
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
