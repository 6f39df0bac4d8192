import {
  add,
  gather,
  matmul,
  minimum,
  mul,
  normalize,
  scalar,
  sigmoid,
  slice,
  sub,
  tanh,
} from '@lever/onnx-grad'
import type { Tensor } from '@lever/onnx-grad'
import { linearUniform, normal } from '../initializers.ts'
import { linear } from '../layers.ts'
import type { Architecture, Features, Net, ParameterSpec } from '../types.ts'
import {
  dotLogits,
  encoderDefaults,
  encoderParameters,
  projectionParameters,
  projectRows,
  recogniseDim,
  recogniseTrunk,
  trunkEncode,
  trunkItems,
} from './trunk.ts'
import type { EncoderConfig } from './trunk.ts'

export interface GruConfig extends EncoderConfig {
  /** Steps that have an embedding of their own; later ones share the last. */
  readonly steps: number
}

/**
 * The original's v4-2: the encoder of `cross-attention`, and a GRU (Cho et al. 2014) that takes every
 * chosen candidate e into the query state, h' = normalize(GRUCell(e, h)). Step t scores with
 * normalize(h + p_t), p_t an embedding of the step.
 */
export const gru: Architecture<GruConfig> = {
  name: 'gru',
  summary: 'cross-attention with a GRU as query state and step embeddings',
  order: 5,
  defaults: { ...encoderDefaults, steps: 8 },
  parameters: (config) => [
    ...projectionParameters(config),
    ...encoderParameters(config),
    ...cellParameters(config.hidden),
    { name: 'step_embedding.weight', shape: [config.steps, config.hidden], initial: normal(0.02) },
  ],
  recognise(shapes) {
    const known = recogniseTrunk(shapes)
    const steps = shapes.get('step_embedding.weight')?.[0]
    if (known === undefined || steps === undefined || !shapes.has('gru.weight_ih')) return undefined
    const { hidden, heads, layers, temperature } = known
    return { dim: recogniseDim(shapes, hidden), hidden, heads, layers, temperature, steps }
  },
  items: (net, rows, dropout) => trunkItems(net, projectRows(net, rows), dropout),
  encode: trunkEncode,
  logits(net, state, memory, step) {
    const embedding = ofStep(net, net.parameter('step_embedding.weight'), step)
    return dotLogits(net, { query: normalize(add(state['query']!, embedding)) }, memory)
  },
  advance: gruAdvance,
}

/** The row of a table [steps, ...] that belongs to a step. */
export function ofStep({ config }: Net<GruConfig>, table: Tensor, step: Tensor): Tensor {
  return gather(table, minimum(step, scalar(config.steps - 1, 'int64')))
}

/** h' = normalize(GRUCell(e, h)) */
export function gruAdvance(net: Net<GruConfig>, state: Features, memory: Features, chosen: Tensor): Features {
  const example = matmul(chosen, memory['key']!)
  return { query: normalize(gruCell(net, example, state['query']!)) }
}

function cellParameters(hidden: number): ParameterSpec[] {
  const initial = linearUniform(hidden)
  return [
    { name: 'gru.weight_ih', shape: [3 * hidden, hidden], initial },
    { name: 'gru.weight_hh', shape: [3 * hidden, hidden], initial },
    { name: 'gru.bias_ih', shape: [3 * hidden], initial },
    { name: 'gru.bias_hh', shape: [3 * hidden], initial },
  ]
}

/**
 * torch.nn.GRUCell: r = sigmoid(W_ir x + b_ir + W_hr h + b_hr), z likewise,
 * n = tanh(W_in x + b_in + r (W_hn h + b_hn)), h' = (1 - z) n + z h.
 */
function gruCell({ config, parameter }: Net, x: Tensor, h: Tensor): Tensor {
  const fromInput = linear(x, parameter('gru.weight_ih'), parameter('gru.bias_ih'))
  const fromState = linear(h, parameter('gru.weight_hh'), parameter('gru.bias_hh'))
  const part = (tensor: Tensor, i: number): Tensor =>
    slice(tensor, 2, i * config.hidden, (i + 1) * config.hidden)
  const reset = sigmoid(add(part(fromInput, 0), part(fromState, 0)))
  const keep = sigmoid(add(part(fromInput, 1), part(fromState, 1)))
  const fresh = tanh(add(part(fromInput, 2), mul(reset, part(fromState, 2))))
  return add(fresh, mul(keep, sub(h, fresh)))
}
