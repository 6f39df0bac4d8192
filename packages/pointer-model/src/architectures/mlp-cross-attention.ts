import { gelu, mul } from '@lever/onnx-grad'
import { filled, xavierUniform } from '../initializers.ts'
import { linear } from '../layers.ts'
import type { Architecture } from '../types.ts'
import { recogniseTrunk, trunk, trunkDefaults, trunkItems, trunkParameters } from './trunk.ts'
import type { TrunkConfig } from './trunk.ts'

export interface MlpConfig extends TrunkConfig {
  /** Width of the hidden layer of the input projection. */
  readonly inner: number
}

/**
 * `cross-attention` with Linear(D, inner) GELU Linear(inner, H) as the shared input projection. One
 * hidden layer can say "same family and same relevant attribute"; a linear map cannot. Rows are
 * multiplied by sqrt(D) first: the elements of an embedding of length 1 are so small that GELU would
 * be almost linear on them.
 */
export const mlpCrossAttention: Architecture<MlpConfig> = {
  name: 'mlp-cross-attention',
  summary: 'cross-attention with a two-layer GELU input projection',
  order: 2,
  defaults: { ...trunkDefaults, inner: 256 },
  parameters: (config) => [
    { name: 'input_proj.0.weight', shape: [config.inner, config.dim], initial: xavierUniform() },
    { name: 'input_proj.0.bias', shape: [config.inner], initial: filled(0) },
    { name: 'input_proj.2.weight', shape: [config.hidden, config.inner], initial: xavierUniform() },
    { name: 'input_proj.2.bias', shape: [config.hidden], initial: filled(0) },
    ...trunkParameters(config),
  ],
  recognise(shapes) {
    const known = recogniseTrunk(shapes)
    const first = shapes.get('input_proj.0.weight')
    return known && first && { ...known, dim: first[1]!, inner: first[0]! }
  },
  items(net, rows, dropout) {
    const p = net.parameter
    const hidden = gelu(
      linear(mul(rows, Math.sqrt(net.config.dim)), p('input_proj.0.weight'), p('input_proj.0.bias')),
    )
    return trunkItems(net, linear(hidden, p('input_proj.2.weight'), p('input_proj.2.bias')), dropout)
  },
  ...trunk,
}
