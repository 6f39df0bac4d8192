import { topologicalOrder } from '../gradients.ts'
import { staticShape } from '../shape.ts'
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

/**
 * Names every node that the outputs depend on. Equal constants are written once.
 * @param prefix is put before generated names, so that a graph can lie inside another.
 * @param given names tensors that exist outside; they become neither nodes nor inputs.
 */
export function emitNodes(
  outputs: readonly Tensor[],
  {
    prefix = '',
    given = new Map<Tensor, string>(),
  }: { prefix?: string; given?: ReadonlyMap<Tensor, string> } = {},
): Emitted {
  const nameOf = new Map<Tensor, string>(given)
  const nodes: NodeMessage[] = []
  const initializers: Emitted['initializers'] = []
  const inputs: ValueMessage[] = []
  const constants = new Map<string, string>()
  for (const tensor of topologicalOrder(outputs)) {
    if (nameOf.has(tensor)) continue
    if (tensor.op === 'Input') {
      nameOf.set(tensor, tensor.name!)
      inputs.push({ name: tensor.name!, dtype: tensor.dtype, shape: tensor.shape })
    } else if (tensor.op === 'Constant') {
      const key = constantKey(tensor)
      const name = constants.get(key) ?? `${prefix}constant_${constants.size}`
      if (!constants.has(key)) {
        constants.set(key, name)
        const shape = staticShape(tensor.shape, 'a constant')
        initializers.push({ name, dtype: tensor.dtype, shape, values: tensor.values! })
      }
      nameOf.set(tensor, name)
    } else {
      const name = `${prefix}${tensor.op}_${nodes.length}`
      nameOf.set(tensor, name)
      nodes.push({
        op: tensor.op,
        name,
        inputs: tensor.inputs.map((i) => nameOf.get(i)!),
        outputs: [name],
        attributes: tensor.attributes,
      })
    }
  }
  return { nodes, initializers, inputs, nameOf }
}

function constantKey({ dtype, shape, values }: Tensor): string {
  const bytes = Buffer.from(values!.buffer, values!.byteOffset, values!.byteLength)
  return `${dtype} ${shape.join(',')} ${bytes.toString('latin1')}`
}

/** Identity nodes that give outputs the names that the caller chose. */
export function nameOutputs(
  outputs: Outputs,
  nameOf: ReadonlyMap<Tensor, string>,
): { nodes: NodeMessage[]; values: ValueMessage[] } {
  const entries = Object.entries(outputs)
  return {
    nodes: entries.map(([name, tensor]) => ({
      op: 'Identity',
      name: `output_${name}`,
      inputs: [nameOf.get(tensor)!],
      outputs: [name],
      attributes: {},
    })),
    values: entries.map(([name, { dtype, shape }]) => ({ name, dtype, shape })),
  }
}

/**
 * Writes a graph as an ONNX file. Its inputs are those that the outputs depend on, or `inputs`,
 * in that order, when given (an input that nothing uses may be listed too).
 * @throws Error when two different inputs have one name.
 */
export function encodeModel({
  inputs,
  outputs,
}: {
  inputs?: readonly Tensor[]
  outputs: Outputs
}): Uint8Array {
  const emitted = emitNodes(Object.values(outputs))
  const declared = inputs?.map(({ name, dtype, shape }) => ({ name: name!, dtype, shape })) ?? emitted.inputs
  const names = new Set(declared.map(({ name }) => name))
  if (names.size !== declared.length) throw new Error('onnx-grad: two inputs of a graph have the same name')
  for (const { name } of emitted.inputs) {
    if (!names.has(name)) throw new Error(`onnx-grad: the graph also needs input ${name}; add it to "inputs"`)
  }
  const named = nameOutputs(outputs, emitted.nameOf)
  return encodeModelProto({
    name: 'lever',
    nodes: [...emitted.nodes, ...named.nodes],
    initializers: emitted.initializers,
    inputs: declared,
    outputs: named.values,
  })
}
