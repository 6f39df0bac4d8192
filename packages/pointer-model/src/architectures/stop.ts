import { add, concat, mul, normalize, slice, stopGradient } from '@lever/onnx-grad'
import { linearUniform } from '../initializers.ts'
import type { Architecture } from '../types.ts'
import { crossAttention } from './cross-attention.ts'
import { trunkEncode } from './trunk.ts'
import type { TrunkConfig } from './trunk.ts'

/**
 * The original's v4-10: `cross-attention` that also learns when to stop. STOP is candidate N of every pool,
 * with a learned vector u of its own: s_N = qs . normalize(u) / temperature. The query does not attend to it.
 */
export const stop: Architecture<TrunkConfig> = {
  ...crossAttention,
  name: 'stop',
  summary: 'cross-attention with a learned STOP, so that pointers may be shorter than K',
  order: 7,
  stops: true,
  parameters: (config) => [
    ...crossAttention.parameters(config),
    { name: 'stop_token', shape: [config.hidden], initial: linearUniform() },
  ],
  recognise: (shapes) => (shapes.has('stop_token') ? crossAttention.recognise?.(shapes) : undefined),
  encode(net, query, pool, valid, dropout) {
    const { state, memory } = trunkEncode(net, query, pool, valid, dropout)
    const key = memory['key']!
    const zeros = mul(stopGradient(slice(key, 1, 0, 1)), 0)
    const token = add(zeros, normalize(net.parameter('stop_token')))
    return { state, memory: { key: concat([key, token], 1) } }
  },
}
