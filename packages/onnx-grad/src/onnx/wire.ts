import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import type { Shape } from '../shape.ts'
import type { Attribute, DType, TensorValues } from '../tensor.ts'

/** Codes of TensorProto.DataType in onnx.proto3. */
export const onnxTypes: Record<DType, number> = {
  float32: 1,
  uint8: 2,
  int32: 6,
  int64: 7,
  bool: 9,
  float64: 11,
}

/** A NodeProto before it is encoded; `graphs` are attributes that hold encoded GraphProtos. */
export interface NodeMessage {
  op: string
  name: string
  inputs: readonly string[]
  outputs: readonly string[]
  attributes: Readonly<Record<string, Attribute>>
  graphs?: Readonly<Record<string, Uint8Array>>
}

export interface ValueMessage {
  name: string
  dtype: DType
  shape: Shape
}

export interface GraphMessage {
  name: string
  nodes: readonly NodeMessage[]
  initializers: readonly { name: string; dtype: DType; shape: readonly number[]; values: TensorValues }[]
  inputs: readonly ValueMessage[]
  outputs: readonly ValueMessage[]
}

const bytesField = (writer: BinaryWriter, field: number, bytes: Uint8Array): BinaryWriter =>
  writer.tag(field, WireType.LengthDelimited).bytes(bytes)
const stringField = (writer: BinaryWriter, field: number, text: string): BinaryWriter =>
  writer.tag(field, WireType.LengthDelimited).string(text)
const integerField = (writer: BinaryWriter, field: number, value: number): BinaryWriter =>
  writer.tag(field, WireType.Varint).int64(value)

function encodeAttribute(name: string, value: Attribute): Uint8Array {
  const writer = new BinaryWriter()
  stringField(writer, 1, name)
  if (typeof value === 'number') {
    integerField(writer, 3, value)
    integerField(writer, 20, 2)
  } else if (typeof value === 'string') {
    bytesField(writer, 4, new TextEncoder().encode(value))
    integerField(writer, 20, 3)
  } else if ('float' in value) {
    writer.tag(2, WireType.Bit32).float(value.float)
    integerField(writer, 20, 1)
  } else {
    for (const item of value) integerField(writer, 8, item)
    integerField(writer, 20, 7)
  }
  return writer.finish()
}

function encodeGraphAttribute(name: string, graph: Uint8Array): Uint8Array {
  const writer = new BinaryWriter()
  stringField(writer, 1, name)
  bytesField(writer, 6, graph)
  integerField(writer, 20, 5)
  return writer.finish()
}

function encodeNode(node: NodeMessage): Uint8Array {
  const writer = new BinaryWriter()
  for (const name of node.inputs) stringField(writer, 1, name)
  for (const name of node.outputs) stringField(writer, 2, name)
  stringField(writer, 3, node.name)
  stringField(writer, 4, node.op)
  for (const [name, value] of Object.entries(node.attributes))
    bytesField(writer, 5, encodeAttribute(name, value))
  for (const [name, graph] of Object.entries(node.graphs ?? {}))
    bytesField(writer, 5, encodeGraphAttribute(name, graph))
  return writer.finish()
}

function encodeInitializer({ name, dtype, shape, values }: GraphMessage['initializers'][number]): Uint8Array {
  const writer = new BinaryWriter()
  for (const dim of shape) integerField(writer, 1, dim)
  integerField(writer, 2, onnxTypes[dtype])
  stringField(writer, 8, name)
  bytesField(writer, 9, new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
  return writer.finish()
}

function encodeValue({ name, dtype, shape }: ValueMessage): Uint8Array {
  const dims = new BinaryWriter()
  for (const dim of shape) {
    const entry = new BinaryWriter()
    if (typeof dim === 'number') integerField(entry, 1, dim)
    else stringField(entry, 2, dim)
    bytesField(dims, 1, entry.finish())
  }
  const tensor = new BinaryWriter()
  integerField(tensor, 1, onnxTypes[dtype])
  bytesField(tensor, 2, dims.finish())
  const type = bytesField(new BinaryWriter(), 1, tensor.finish())
  return bytesField(stringField(new BinaryWriter(), 1, name), 2, type.finish()).finish()
}

/** Encodes a GraphProto. */
export function encodeGraph(graph: GraphMessage): Uint8Array {
  const writer = new BinaryWriter()
  for (const node of graph.nodes) bytesField(writer, 1, encodeNode(node))
  stringField(writer, 2, graph.name)
  for (const initializer of graph.initializers) bytesField(writer, 5, encodeInitializer(initializer))
  for (const value of graph.inputs) bytesField(writer, 11, encodeValue(value))
  for (const value of graph.outputs) bytesField(writer, 12, encodeValue(value))
  return writer.finish()
}

/** Encodes a ModelProto: IR version 8, operator set 18 of the default domain. */
export function encodeModelProto(graph: GraphMessage): Uint8Array {
  const writer = new BinaryWriter()
  integerField(writer, 1, 8)
  stringField(writer, 2, 'lever')
  bytesField(writer, 7, encodeGraph(graph))
  bytesField(writer, 8, integerField(stringField(new BinaryWriter(), 1, ''), 2, 18).finish())
  return writer.finish()
}
