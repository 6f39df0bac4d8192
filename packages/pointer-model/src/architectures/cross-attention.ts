import { xavierUniform } from '../initializers.ts'
import { linear } from '../layers.ts'
import type { Architecture } from '../types.ts'
import { recogniseTrunk, trunk, trunkDefaults, trunkItems, trunkParameters } from './trunk.ts'
import type { TrunkConfig } from './trunk.ts'

/**
 * The original's v2 and v3 (with the gate of v4-1): a shared linear input projection without bias
 * (the identity when D = H), cross-attention of the query over its pool, unit vectors, and a gate
 * that takes every chosen candidate into the query state.
 */
export const crossAttention: Architecture<TrunkConfig> = {
  name: 'cross-attention',
  summary: 'shared linear projection, cross-attention over the pool, query-state gate',
  defaults: trunkDefaults,
  parameters: (config) => [
    ...(config.dim === config.hidden
      ? []
      : [{ name: 'input_proj.weight', shape: [config.hidden, config.dim], initial: xavierUniform() }]),
    ...trunkParameters(config),
  ],
  recognise(shapes) {
    const known = recogniseTrunk(shapes)
    if (known === undefined || shapes.has('input_proj.0.weight')) return undefined
    return { ...known, dim: shapes.get('input_proj.weight')?.[1] ?? known.hidden }
  },
  items(net, rows, dropout) {
    const { dim, hidden } = net.config
    return trunkItems(net, dim === hidden ? rows : linear(rows, net.parameter('input_proj.weight')), dropout)
  },
  ...trunk,
}
