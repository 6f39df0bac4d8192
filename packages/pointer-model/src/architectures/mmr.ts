import {
  add,
  cast,
  exp,
  log,
  matmul,
  maximum,
  minimum,
  mul,
  reshape,
  sub,
  transposeLast,
} from '@lever/onnx-grad'
import type { Tensor } from '@lever/onnx-grad'
import { filled } from '../initializers.ts'
import type { Architecture } from '../types.ts'
import { gru, gruAdvance, ofStep } from './gru.ts'
import type { GruConfig } from './gru.ts'
import { trunkEncode } from './trunk.ts'

/** Below every cosine. */
const NOTHING = -2

/**
 * The original's v4-3: `gru` with a learnt maximal marginal relevance (Carbonell and Goldstein 1998). From
 * the second step on, s - softplus(lambda_t) max_j cos(c, e_j) over the candidates e_j chosen so far.
 */
export const mmr: Architecture<GruConfig> = {
  ...gru,
  name: 'mmr',
  summary: 'gru with a penalty for candidates that are like chosen ones',
  order: 6,
  parameters: (config) => [
    ...gru.parameters(config),
    { name: 'mmr_lambda', shape: [config.steps], initial: filled(0.1) },
  ],
  recognise: (shapes) => (shapes.has('mmr_lambda') ? gru.recognise?.(shapes) : undefined),
  encode(net, query, pool, valid, dropout) {
    const { state, memory } = trunkEncode(net, query, pool, valid, dropout)
    const [batch, size] = valid.shape
    const zeros = mul(cast(valid, memory['key']!.dtype), 0)
    return { state: { ...state, nearest: reshape(add(zeros, NOTHING), [batch!, 1, size!]) }, memory }
  },
  logits(net, state, memory, step) {
    const relevance = gru.logits(net, state, memory, step)
    const weight = softplus(ofStep(net, net.parameter('mmr_lambda'), step))
    const later = cast(minimum(step, 1), relevance.dtype)
    return sub(relevance, mul(mul(weight, later), state['nearest']!))
  },
  advance(net, state, memory, chosen) {
    const key = memory['key']!
    const similarity = matmul(matmul(chosen, key), transposeLast(key))
    return {
      ...gruAdvance(net, state, memory, chosen),
      nearest: maximum(state['nearest']!, similarity),
    }
  },
}

/** log(1 + e^x) */
function softplus(x: Tensor): Tensor {
  return log(add(exp(x), 1))
}
