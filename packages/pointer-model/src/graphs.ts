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
import type { ParameterLayout, Shape, Tensor } from '@lever/onnx-grad'
import { rowWidth } from './members.ts'
import { architectureOf } from './model.ts'
import { beamOutputs, greedyOutputs } from './search.ts'
import { beginPointers, noDropout, pointerLogits } from './sequence.ts'
import type { BoundNet, PointerState } from './sequence.ts'
import type { ArchitectureConfig, Features } from './types.ts'
import { type ArchitectureName } from './architectures/index.ts'

/**
 * The ONNX files that decoding runs; all sizes but D and H are dynamic, the weights are an input. They depend
 * on the settings of an architecture, not on the values of its arrays. C is N, or N + 1 with STOP.
 */
export interface PolicyGraphs {
  readonly layout: ParameterLayout
  /** `rows` [M, D] -> `item.*` [M, *] */
  readonly items: () => Uint8Array
  /**
   * `query` [B, D] (with members two columns more), `item.*` [M, *], `pool` [B, N] (rows of the items), `valid` [B, N] -> `state.*`, `memory.*`,
   * `logits` [B, 1, C]
   */
  readonly begin: () => Uint8Array
  /**
   * `state.*` [B, P, *] before a choice, `memory.*`, `valid`, `chosen` [B, P, C], `blocked` [B, P, C]
   * (with `chosen`), `step` (of the logits, from 1) -> `after.*`, the state after the choice, `logits` [B, P, C]
   */
  readonly next: () => Uint8Array
  /** The inputs of `begin` -> what `greedyOutputs` says. */
  readonly greedy: (shots: number) => Uint8Array
  /** The inputs of `begin` -> what `beamOutputs` says. */
  readonly beam: (shots: number, width: number) => Uint8Array
}

/** The graphs of an architecture, each built when it is asked for. */
export function policyGraphs(name: ArchitectureName, config: ArchitectureConfig): PolicyGraphs {
  const architecture = architectureOf(name)
  const specs = new Map(architecture.parameters(config).map((spec) => [spec.name, spec]))
  const layout = layoutParameters(specs)
  const { vectors, nodes } = parameterInputs(layout, () => 'weights')
  const weights = [...vectors.values()]
  const net: BoundNet = { architecture, config, parameter: (key) => nodes.get(key)! }

  const rows = input('rows', ['M', rowWidth(config)])
  const features = architecture.items(net, rows, noDropout)
  const query = input('query', ['B', rowWidth(config)])
  const pool = input('pool', ['B', 'N'], 'int32')
  const valid = input('valid', ['B', 'N'], 'bool')
  const tables = inputsLike('item.', features, (shape) => shape)
  const gathered = mapFeatures(tables, (table) => gather(table, pool))
  const begun = beginPointers(net, architecture.items(net, expandDims(query, 1), noDropout), gathered, valid)
  const beginInputs = [...weights, query, pool, valid, ...Object.values(tables)]

  return {
    layout,
    items: () => encodeModel({ inputs: [...weights, rows], outputs: prefixed('item.', features) }),
    begin: () =>
      encodeModel({
        inputs: beginInputs,
        outputs: {
          ...prefixed('state.', begun.state),
          ...prefixed('memory.', begun.memory),
          logits: pointerLogits(net, begun, scalar(0, 'int64')),
        },
      }),
    next: () => encodeNext(net, begun, weights, valid),
    greedy: (shots) => encodeModel({ inputs: beginInputs, outputs: greedyOutputs(net, begun, shots) }),
    beam: (shots, width) =>
      encodeModel({ inputs: beginInputs, outputs: beamOutputs(net, begun, { shots, width }) }),
  }
}

function encodeNext(
  net: BoundNet,
  begun: PointerState,
  weights: readonly Tensor[],
  valid: Tensor,
): Uint8Array {
  const state = inputsLike('state.', begun.state, (shape) => ['B', 'P', ...shape.slice(2)])
  const memory = inputsLike('memory.', begun.memory, (shape) => shape)
  const choices = begun.blocked.shape[2]!
  const chosen = input('chosen', ['B', 'P', choices])
  const blocked = input('blocked', ['B', 'P', choices])
  const step = input('step', [], 'int64')
  const after = net.architecture.advance(net, state, memory, chosen, sub(step, scalar(1, 'int64')))
  return encodeModel({
    inputs: [...weights, valid, chosen, blocked, step, ...Object.values(state), ...Object.values(memory)],
    outputs: {
      ...prefixed('after.', after),
      logits: pointerLogits(net, { ...begun, state: after, memory, blocked }, step),
    },
  })
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
