import type { Architecture } from '../types.ts'
import {
  projectionParameters,
  projectRows,
  recogniseDim,
  recogniseTrunk,
  trunk,
  trunkDefaults,
  trunkItems,
  trunkParameters,
} from './trunk.ts'
import type { TrunkConfig } from './trunk.ts'

/**
 * The original's v2 and v3 (with the gate of v4-1): a shared linear input projection without bias
 * (the identity when D = H), cross-attention of the query over its pool, unit vectors, and a gate
 * that takes every chosen candidate into the query state.
 */
export const crossAttention: Architecture<TrunkConfig> = {
  name: 'cross-attention',
  summary: 'shared linear projection, cross-attention over the pool, query-state gate',
  order: 1,
  defaults: trunkDefaults,
  parameters: (config) => [...projectionParameters(config), ...trunkParameters(config)],
  recognise(shapes) {
    const known = recogniseTrunk(shapes)
    if (known === undefined || shapes.has('input_proj.0.weight')) return undefined
    return { ...known, dim: recogniseDim(shapes, known.hidden) }
  },
  items: (net, rows, dropout) => trunkItems(net, projectRows(net, rows), dropout),
  ...trunk,
}
