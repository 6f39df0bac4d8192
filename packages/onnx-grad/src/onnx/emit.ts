import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'

import { topologicalOrder } from '../gradients.ts'
import { formatShape, staticShape } from '../shape.ts'
import type { Tensor } from '../tensor.ts'
import { encodeModelProto } from './wire.ts'
import type { GraphMessage, NodeMessage, ValueMessage } from './wire.ts'

/** Outputs by name. */
export type Outputs = Readonly<Record<string, Tensor>>

/** Nodes and constants of a graph, named in the order in which they are computed. */
export interface Emitted {
  nodes: NodeMessage[]
  initializers: GraphMessage['initializers'][number][]
  inputs: ValueMessage[]
  nameOf: ReadonlyMap<Tensor, string>
}

/** How nodes are named. */
export interface EmitOptions {
  /** Put before generated names, so that a graph can lie inside another. */
  prefix?: string
  /** Tensors that exist outside; they become neither nodes nor inputs. */
  given?: ReadonlyMap<Tensor, string>
  /** Names that the caller chose. */
  chosen?: ReadonlyMap<Tensor, string>
}

/**
 * Names every node that the outputs depend on. Equal constants are written once. The name of a node
 * (not of its value) tells the shapes, so that an error of ONNX Runtime does too.
 */
export function emitNodes(
  outputs: readonly Tensor[],
  { prefix = '', given = new Map<Tensor, string>(), chosen = new Map<Tensor, string>() }: EmitOptions = {},
): Emitted {
  const nameOf = new Map<Tensor, string>(given)
  const taken = new Set(chosen.values())
  const nodes: NodeMessage[] = []
  const initializers: Emitted['initializers'] = []
  const inputs: ValueMessage[] = []
  const constants = new Map<string, string>()
  const fresh = (wanted: string): string => (taken.has(wanted) ? fresh(`${wanted}_`) : wanted)
  for (const tensor of topologicalOrder(outputs)) {
    if (nameOf.has(tensor)) continue
    if (tensor.op === 'Input') {
      nameOf.set(tensor, tensor.name!)
      inputs.push({ name: tensor.name!, dtype: tensor.dtype, shape: tensor.shape })
    } else if (tensor.op === 'Constant') {
      const key = constantKey(tensor)
      const name = constants.get(key) ?? fresh(`${prefix}constant_${constants.size}`)
      if (!constants.has(key)) {
        constants.set(key, name)
        const shape = staticShape(tensor.shape, 'a constant')
        initializers.push({ name, dtype: tensor.dtype, shape, values: tensor.values! })
      }
      nameOf.set(tensor, name)
    } else {
      const name = chosen.get(tensor) ?? fresh(`${prefix}${tensor.op}_${nodes.length}`)
      nameOf.set(tensor, name)
      const shapes = [...tensor.inputs, tensor].map(({ shape }) => formatShape(shape))
      nodes.push({
        op: tensor.op,
        name: `${name} ${shapes.slice(0, -1).join(' ')} -> ${shapes.at(-1)!}`,
        inputs: tensor.inputs.map((i) => nameOf.get(i)!),
        outputs: [...Array.from({ length: tensor.output ?? 0 }, (_, i) => `${name}/output_${i}`), name],
        attributes: tensor.attributes,
      })
    }
  }
  return { nodes, initializers, inputs, nameOf }
}

/**
 * Names every node that named outputs depend on. An output that is not a node of this graph, or that has
 * two names, is copied under its name.
 */
export function emitOutputs(
  outputs: readonly (readonly [string, Tensor])[],
  options: EmitOptions = {},
): Emitted {
  const chosen = new Map<Tensor, string>()
  const copies: (readonly [string, Tensor])[] = []
  for (const [name, tensor] of outputs) {
    const leaf = tensor.op === 'Input' || tensor.op === 'Constant'
    if (leaf || chosen.has(tensor) || options.given?.has(tensor) === true) copies.push([name, tensor])
    else chosen.set(tensor, name)
  }
  const emitted = emitNodes(
    outputs.map(([, tensor]) => tensor),
    { ...options, chosen },
  )
  const identities = copies.map(([name, tensor]) => ({
    op: 'Identity',
    name,
    inputs: [emitted.nameOf.get(tensor)!],
    outputs: [name],
    attributes: {},
  }))
  return { ...emitted, nodes: [...emitted.nodes, ...identities] }
}

function constantKey({ dtype, shape, values }: Tensor): string {
  const bytes = Buffer.from(values!.buffer, values!.byteOffset, values!.byteLength)
  return `${dtype} ${shape.join(',')} ${bytes.toString('latin1')}`
}

/** A graph: its outputs by name, and its inputs where their order matters. */
export interface Graph {
  inputs?: readonly Tensor[]
  outputs: Outputs
}

const GRAPH: OptionNames<Graph> = { inputs: true, outputs: true }

/**
 * Writes a graph as an ONNX file. Its inputs are those that the outputs depend on, or `inputs`,
 * in that order, when given (an input that nothing uses may be listed too).
 * @throws Error if two different inputs have one name.
 */
export function encodeModel(graph: Graph): Uint8Array {
  refuseUnknownOptions(graph, GRAPH, 'onnx-grad: encodeModel')
  const { inputs, outputs } = graph
  const entries = Object.entries(outputs)
  const emitted = emitOutputs(entries)
  const declared = inputs?.map(({ name, dtype, shape }) => ({ name: name!, dtype, shape })) ?? emitted.inputs
  const names = new Set(declared.map(({ name }) => name))
  if (names.size !== declared.length) throw new Error('onnx-grad: two inputs of a graph have the same name')
  for (const { name } of emitted.inputs) {
    if (!names.has(name)) throw new Error(`onnx-grad: the graph also needs input ${name}; add it to "inputs"`)
  }
  return encodeModelProto({
    name: 'lever',
    nodes: emitted.nodes,
    initializers: emitted.initializers,
    inputs: declared,
    outputs: entries.map(([name, { dtype, shape }]) => ({ name, dtype, shape })),
  })
}
