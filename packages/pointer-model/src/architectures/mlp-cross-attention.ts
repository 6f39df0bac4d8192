import { gelu, mul } from '@lever/onnx-grad'
import type { Tensor } from '@lever/onnx-grad'
import { filled, xavierUniform } from '../initializers.ts'
import { linear } from '../layers.ts'
import type { Architecture, ArchitectureConfig, Dropout, Features, Net, ParameterSpec } from '../types.ts'
import { recogniseTrunk, trunk, trunkDefaults, trunkItems, trunkParameters } from './trunk.ts'
import type { TrunkConfig } from './trunk.ts'

export interface MlpConfig extends TrunkConfig {
  /** Width of the hidden layer of the input projection. */
  readonly inner: number
}

interface MlpShape extends ArchitectureConfig {
  readonly inner: number
}

/** Arrays of the input projection Linear(D, inner) GELU Linear(inner, H). */
export function mlpParameters({ dim, hidden, inner }: MlpShape): ParameterSpec[] {
  return [
    { name: 'input_proj.0.weight', shape: [inner, dim], initial: xavierUniform() },
    { name: 'input_proj.0.bias', shape: [inner], initial: filled(0) },
    { name: 'input_proj.2.weight', shape: [hidden, inner], initial: xavierUniform() },
    { name: 'input_proj.2.bias', shape: [hidden], initial: filled(0) },
  ]
}

/** Settings with those that the input projection leaves in a checkpoint; undefined where it is another. */
export function recogniseMlp<C extends object>(
  shapes: ReadonlyMap<string, readonly number[]>,
  known: C,
): (C & MlpShape) | undefined {
  const first = shapes.get('input_proj.0.weight')
  const last = shapes.get('input_proj.2.weight')
  return first && last && { ...known, dim: first[1]!, inner: first[0]!, hidden: last[0]! }
}

/**
 * `trunkItems` of rows [..., D] after the input projection. Rows are multiplied by sqrt(D) first: the elements of an
 * embedding of length 1 are so small that GELU would be almost linear on them.
 */
export function mlpItems(net: Net, rows: Tensor, dropout: Dropout): Features {
  const p = net.parameter
  const hidden = gelu(
    linear(mul(rows, Math.sqrt(net.config.dim)), p('input_proj.0.weight'), p('input_proj.0.bias')),
  )
  return trunkItems(net, linear(hidden, p('input_proj.2.weight'), p('input_proj.2.bias')), dropout)
}

/**
 * `cross-attention` with Linear(D, inner) GELU Linear(inner, H) as the shared input projection. One
 * hidden layer can say "same family and same relevant attribute"; a linear map cannot.
 */
export const mlpCrossAttention: Architecture<MlpConfig> = {
  name: 'mlp-cross-attention',
  summary: 'cross-attention with a two-layer GELU input projection',
  order: 2,
  defaults: { ...trunkDefaults, inner: 256 },
  parameters: (config) => [...mlpParameters(config), ...trunkParameters(config)],
  recognise(shapes) {
    const known = recogniseTrunk(shapes)
    return known && recogniseMlp(shapes, known)
  },
  items: mlpItems,
  ...trunk,
}
