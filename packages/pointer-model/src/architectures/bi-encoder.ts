import { add, matmul, mul, normalize, sigmoid, sub } from '@lever/onnx-grad'
import { filled, nearIdentity } from '../initializers.ts'
import { linear } from '../layers.ts'
import type { Architecture, ArchitectureConfig } from '../types.ts'
import { dotLogits, projectionParameters, projectRows, recogniseDim, trunkItems } from './trunk.ts'

export interface BiEncoderConfig extends ArchitectureConfig {
  /** Inner products of unit vectors are divided by it. */
  readonly temperature: number
}

/**
 * The original's v1: query and candidates do not see each other before their inner product. With unit
 * vectors qs = normalize(W_q W_in q) and cn = normalize(W_c W_in c), s = qs . cn / temperature. After a
 * choice e, qs' = normalize(g qs + (1 - g) e) with one number g = sigmoid(w) for all queries.
 */
export const biEncoder: Architecture<BiEncoderConfig> = {
  name: 'bi-encoder',
  summary: 'inner products of two projections, one number as query-state gate',
  order: 3,
  separate: true,
  defaults: { hidden: 256, temperature: 0.5 },
  parameters: (config) => [
    ...projectionParameters(config),
    { name: 'query_proj.weight', shape: [config.hidden, config.hidden], initial: nearIdentity() },
    { name: 'cand_proj.weight', shape: [config.hidden, config.hidden], initial: nearIdentity() },
    { name: 'query_update', shape: [1], initial: filled(0) },
  ],
  recognise(shapes) {
    const hidden = shapes.get('query_proj.weight')?.[0]
    if (hidden === undefined || !shapes.has('query_update')) return undefined
    return { dim: recogniseDim(shapes, hidden), hidden, temperature: 0.5 }
  },
  items: (net, rows, dropout) => trunkItems(net, projectRows(net, rows), dropout),
  encode(net, query, pool, _valid, dropout) {
    const base = dropout(query['base']!, 'query')
    const state = normalize(linear(base, net.parameter('query_proj.weight')))
    return { state: { query: state }, memory: { key: pool['key']! } }
  },
  logits: dotLogits,
  advance(net, state, memory, chosen) {
    const gate = sigmoid(net.parameter('query_update'))
    const example = matmul(chosen, memory['key']!)
    return { query: normalize(add(mul(gate, state['query']!), mul(sub(1, gate), example))) }
  },
}
