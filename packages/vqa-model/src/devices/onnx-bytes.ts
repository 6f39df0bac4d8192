/**
 * A small writer of ONNX files: enough for the graphs that try a device.
 * Source: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 */

/** Codes of TensorProto.DataType. */
const TYPES = { float32: 1, int32: 6, int64: 7, bool: 9, float16: 10 } as const

export type ElementType = keyof typeof TYPES

export interface ValueSpec {
  readonly name: string
  readonly type: ElementType
  readonly dims: readonly number[]
}

export interface NodeSpec {
  readonly op: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  /** `com.microsoft` for operators of ONNX Runtime */
  readonly domain?: string
  /** attributes that are integers */
  readonly integers?: Readonly<Record<string, number>>
  /** the attribute `body` of a Loop */
  readonly body?: GraphSpec
}

export interface GraphSpec {
  readonly nodes: readonly NodeSpec[]
  readonly inputs: readonly ValueSpec[]
  readonly outputs: readonly ValueSpec[]
}

const IR_VERSION = 8
const OPSETS = { '': 17, 'com.microsoft': 1 }
/** Codes of AttributeProto.AttributeType. */
const [INT, GRAPH] = [2, 5]

/** A ModelProto. */
export function encodeModel(graph: GraphSpec): Buffer {
  const opsets = Object.entries(OPSETS).map(([domain, version]) =>
    bytes(8, bytes(1, domain), int(2, version)),
  )
  return Buffer.concat([int(1, IR_VERSION), bytes(7, ...graphFields(graph)), ...opsets])
}

function graphFields({ nodes, inputs, outputs }: GraphSpec): Buffer[] {
  return [
    ...nodes.map(nodeField),
    bytes(2, 'g'),
    ...inputs.map((value) => valueField(11, value)),
    ...outputs.map((value) => valueField(12, value)),
  ]
}

function nodeField({ op, inputs, outputs, domain = '', integers = {}, body }: NodeSpec): Buffer {
  return bytes(
    1,
    ...inputs.map((name) => bytes(1, name)),
    ...outputs.map((name) => bytes(2, name)),
    bytes(4, op),
    ...Object.entries(integers).map(([name, value]) => bytes(5, bytes(1, name), int(3, value), int(20, INT))),
    ...(body === undefined
      ? []
      : [bytes(5, bytes(1, 'body'), bytes(6, ...graphFields(body)), int(20, GRAPH))]),
    bytes(7, domain),
  )
}

function valueField(field: number, { name, type, dims }: ValueSpec): Buffer {
  const shape = bytes(2, ...dims.map((dim) => bytes(1, int(1, dim))))
  return bytes(field, bytes(1, name), bytes(2, bytes(1, int(1, TYPES[type]), shape)))
}

function int(field: number, value: number): Buffer {
  return Buffer.from([...varint(field * 8), ...varint(value)])
}

function bytes(field: number, ...chunks: readonly (Buffer | string)[]): Buffer {
  const body = Buffer.concat(chunks.map((chunk) => Buffer.from(chunk as string)))
  return Buffer.concat([Buffer.from([...varint(field * 8 + 2), ...varint(body.length)]), body])
}

/** A number that is not negative, seven bits a byte, the lowest first. */
function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))]
}
