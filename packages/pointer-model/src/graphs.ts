import {
  encodeModel,
  expandDims,
  gather,
  input,
  layoutParameters,
  parameterInputs,
  scalar,
  sub,
} from '@lever/onnx-grad'
import type { ParameterLayout, ParameterNodes, Shape, Tensor } from '@lever/onnx-grad'
import { architectureOf } from './model.ts'
import { beginPointers, noDropout, pointerLogits } from './sequence.ts'
import type { BoundNet } from './sequence.ts'
import type { ArchitectureConfig, Features } from './types.ts'

/** The three ONNX files that decoding runs; all sizes but D and H are dynamic, the weights are an input. */
export interface PolicyGraphs {
  readonly layout: ParameterLayout
  /** `rows` [M, D] -> `item.*` [M, *] */
  readonly items: Uint8Array
  /** `query` [B, D], `item.*` [M, *], `pool` [B, N] (rows of the items), `valid` [B, N] -> `state.*`, `memory.*`, `logits` [B, 1, N] */
  readonly begin: Uint8Array
  /**
   * `state.*` [B, P, *] before a choice, `memory.*`, `valid`, `chosen` [B, P, N], `blocked` [B, P, N]
   * (with `chosen`), `step` (of the logits, from 1) -> `after.*`, the state after the choice, `logits` [B, P, N]
   */
  readonly next: Uint8Array
}

/** Builds the graphs of an architecture. They depend on its settings, not on the values of its arrays. */
export function encodePolicyGraphs(name: string, config: ArchitectureConfig): PolicyGraphs {
  const architecture = architectureOf(name)
  const shapes = new Map(architecture.parameters(config).map((spec) => [spec.name, spec]))
  const layout = layoutParameters(shapes)
  const { vectors, nodes } = parameterInputs(layout, () => 'weights')
  const weights = [...vectors.values()]
  const parameter: ParameterNodes = (key) => nodes.get(key)!
  const net: BoundNet = { architecture, config, parameter }

  const rows = input('rows', ['M', config.dim])
  const features = architecture.items(net, rows, noDropout)
  const items = encodeModel({ inputs: [...weights, rows], outputs: prefixed('item.', features) })

  const query = input('query', ['B', config.dim])
  const pool = input('pool', ['B', 'N'], 'int32')
  const valid = input('valid', ['B', 'N'], 'bool')
  const tables = inputsLike('item.', features, (shape) => shape)
  const gathered = mapFeatures(tables, (table) => gather(table, pool))
  const begun = beginPointers(net, architecture.items(net, expandDims(query, 1), noDropout), gathered, valid)
  const begin = encodeModel({
    inputs: [...weights, query, pool, valid, ...Object.values(tables)],
    outputs: {
      ...prefixed('state.', begun.state),
      ...prefixed('memory.', begun.memory),
      logits: pointerLogits(net, begun, scalar(0, 'int64')),
    },
  })

  const state = inputsLike('state.', begun.state, (shape) => ['B', 'P', ...shape.slice(2)])
  const memory = inputsLike('memory.', begun.memory, (shape) => ['B', 'N', ...shape.slice(2)])
  const chosen = input('chosen', ['B', 'P', 'N'])
  const blocked = input('blocked', ['B', 'P', 'N'])
  const step = input('step', [], 'int64')
  const penalty = begun.penalty
  const after = architecture.advance(net, state, memory, chosen, sub(step, scalar(1, 'int64')))
  const next = encodeModel({
    inputs: [...weights, valid, chosen, blocked, step, ...Object.values(state), ...Object.values(memory)],
    outputs: {
      ...prefixed('after.', after),
      logits: pointerLogits(net, { state: after, memory, blocked, penalty }, step),
    },
  })
  return { layout, items, begin, next }
}

function mapFeatures(features: Features, f: (tensor: Tensor) => Tensor): Features {
  return Object.fromEntries(Object.entries(features).map(([name, tensor]) => [name, f(tensor)]))
}

function prefixed(prefix: string, features: Features): Features {
  return Object.fromEntries(Object.entries(features).map(([name, tensor]) => [prefix + name, tensor]))
}

function inputsLike(prefix: string, features: Features, shapeOf: (shape: Shape) => Shape): Features {
  return Object.fromEntries(
    Object.entries(features).map(([name, { shape, dtype }]) => [
      name,
      input(prefix + name, shapeOf(shape), dtype),
    ]),
  )
}
