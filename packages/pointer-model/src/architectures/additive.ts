import { add, div, expandDims, matmul, reshape, tanh, transposeLast } from '@lever/onnx-grad'
import { linearUniform, xavierUniform } from '../initializers.ts'
import { linear } from '../layers.ts'
import type { Architecture } from '../types.ts'
import { crossAttention } from './cross-attention.ts'
import { trunkEncode } from './trunk.ts'
import type { TrunkConfig } from './trunk.ts'

/**
 * The original's v4-5, its best on OK-VQA: `cross-attention` with additive scores (Bahdanau et al. 2015)
 * s = v^T tanh(W_q h + W_c c) / temperature of the query state h and the unit vectors c.
 */
export const additive: Architecture<TrunkConfig> = {
  ...crossAttention,
  name: 'additive',
  summary: 'cross-attention with additive scores v^T tanh(W_q h + W_c c)',
  order: 4,
  parameters: (config) => [
    ...crossAttention.parameters(config),
    { name: 'score_query.weight', shape: [config.hidden, config.hidden], initial: xavierUniform() },
    { name: 'score_cand.weight', shape: [config.hidden, config.hidden], initial: xavierUniform() },
    { name: 'score_vector.weight', shape: [1, config.hidden], initial: linearUniform() },
  ],
  recognise: (shapes) => (shapes.has('score_vector.weight') ? crossAttention.recognise?.(shapes) : undefined),
  encode(net, query, pool, valid, dropout) {
    const { state, memory } = trunkEncode(net, query, pool, valid, dropout)
    return { state, memory: { ...memory, scored: linear(pool['key']!, net.parameter('score_cand.weight')) } }
  },
  logits({ config, parameter }, state, memory) {
    const query = linear(state['query']!, parameter('score_query.weight'))
    const candidates = memory['scored']!
    const hidden = tanh(add(expandDims(query, 2), expandDims(candidates, 1)))
    const scores = matmul(hidden, transposeLast(parameter('score_vector.weight')))
    return div(reshape(scores, scores.shape.slice(0, -1)), config.temperature)
  },
}
