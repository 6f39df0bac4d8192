import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'

import { formatShape, sizeOf } from './shape.ts'
import type { Shape } from './shape.ts'

/** Element types, named as in ONNX. */
export type DType = 'float32' | 'float64' | 'int32' | 'int64' | 'uint8' | 'bool'

/** Typed arrays that hold elements: int64 as BigInt64Array, bool as Uint8Array. */
export type TensorValues = Float32Array | Float64Array | Int32Array | BigInt64Array | Uint8Array

const arrayNames: Readonly<Record<DType, string>> = {
  float32: 'Float32Array',
  float64: 'Float64Array',
  int32: 'Int32Array',
  int64: 'BigInt64Array',
  uint8: 'Uint8Array',
  bool: 'Uint8Array',
}

/** A value of an ONNX attribute: integer, float (marked), string, or a list of integers. */
export type Attribute = number | { readonly float: number } | string | readonly number[]

/**
 * Vector-Jacobian product of one operator: the gradient of a scalar with respect to its output
 * goes in, the gradients with respect to its inputs come out (undefined: none flows there).
 */
export type Vjp = (gradient: Tensor, output: Tensor) => readonly (Tensor | undefined)[]

/**
 * A node of the computation, immutable. Nothing is computed when it is made: a graph is what can be
 * reached from its outputs, and `encodeModel` writes it as ONNX.
 */
export interface Tensor {
  /** ONNX operator, or 'Input' or 'Constant'. */
  readonly op: string
  readonly inputs: readonly Tensor[]
  readonly attributes: Readonly<Record<string, Attribute>>
  readonly dtype: DType
  readonly shape: Shape
  /** Which output of its operator this is (default 0). */
  readonly output?: number
  /** The name of an input. */
  readonly name?: string
  /** The elements of a constant. */
  readonly values?: TensorValues
  readonly vjp?: Vjp
}

/** Makes an input of the graph. Dimensions may be names ("batch") where only inference is meant. */
export function input(name: string, shape: Shape, dtype: DType = 'float32'): Tensor {
  return { op: 'Input', inputs: [], attributes: {}, dtype, shape, name }
}

/**
 * Makes a constant.
 * @throws RangeError if the number of values is not that of the shape.
 * @throws TypeError if a typed array is of another type.
 */
export function constant(
  values: TensorValues | readonly number[],
  shape: Shape,
  dtype: DType = 'float32',
): Tensor {
  const typed = Array.isArray(values)
    ? typedArray(dtype, values as readonly number[])
    : (values as TensorValues)
  const name = typed[Symbol.toStringTag]
  if (name !== arrayNames[dtype]) {
    throw new TypeError(
      `onnx-grad: constant of ${dtype} was given a ${name}; give a list of numbers or a ${arrayNames[dtype]}`,
    )
  }
  if (sizeOf(shape) !== typed.length) {
    throw new RangeError(
      `onnx-grad: constant of shape ${formatShape(shape)} was given ${typed.length} values`,
    )
  }
  return { op: 'Constant', inputs: [], attributes: {}, dtype, shape, values: typed }
}

/** Makes a constant without dimensions. */
export function scalar(value: number, dtype: DType = 'float32'): Tensor {
  return constant([value], [], dtype)
}

const RESULT: OptionNames<{ shape: Shape; dtype?: DType }> = { shape: true, dtype: true }

/** Makes a node of any ONNX operator; without `vjp` no gradient flows through it. */
export function operator(
  op: string,
  inputs: readonly Tensor[],
  result: { shape: Shape; dtype?: DType },
  attributes: Readonly<Record<string, Attribute>> = {},
  vjp?: Vjp,
): Tensor {
  refuseUnknownOptions(result, RESULT, 'onnx-grad: operator')
  const dtype = result.dtype ?? inputs[0]!.dtype
  const node = { op, inputs, attributes, dtype, shape: result.shape }
  return vjp === undefined ? node : { ...node, vjp }
}

/** Converts numbers to the typed array of a type. */
export function typedArray(dtype: DType, values: readonly number[]): TensorValues {
  switch (dtype) {
    case 'float32':
      return Float32Array.from(values)
    case 'float64':
      return Float64Array.from(values)
    case 'int32':
      return Int32Array.from(values)
    case 'int64':
      return BigInt64Array.from(values.map((value) => BigInt(value)))
    case 'uint8':
    case 'bool':
      return Uint8Array.from(values)
  }
}
