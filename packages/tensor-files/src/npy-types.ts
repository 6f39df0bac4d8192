import type { DType, TensorData } from './tensor.ts'
import { viewAs } from './tensor.ts'

/** Element types of NumPy to ours, without byte order. Narrow integers are widened to I32. */
const TYPES: ReadonlyMap<string, { dtype: DType; bytes: number }> = new Map([
  ['f2', { dtype: 'F16', bytes: 2 }],
  ['f4', { dtype: 'F32', bytes: 4 }],
  ['f8', { dtype: 'F64', bytes: 8 }],
  ['i1', { dtype: 'I32', bytes: 1 }],
  ['i2', { dtype: 'I32', bytes: 2 }],
  ['i4', { dtype: 'I32', bytes: 4 }],
  ['i8', { dtype: 'I64', bytes: 8 }],
  ['u1', { dtype: 'U8', bytes: 1 }],
  ['u2', { dtype: 'I32', bytes: 2 }],
  ['b1', { dtype: 'BOOL', bytes: 1 }],
])

/** Names of the NumPy types that are read. */
export const NUMPY_TYPES: readonly string[] = [...TYPES.keys()]

/** Our type and NumPy's element size for a description such as `<f4`; undefined if unsupported. */
export function numpyType(descr: string): { dtype: DType; bytes: number } | undefined {
  return TYPES.get(descr.slice(1))
}

/**
 * Elements of a NumPy type, in the order of `bytes`, as our array. Bytes of the other byte order
 * are swapped in place: give a buffer of your own.
 */
export function numpyData(descr: string, bytes: Uint8Array): TensorData {
  const { dtype, bytes: size } = numpyType(descr)!
  const own = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (descr.startsWith('>')) swap(own, size)
  if (descr.endsWith('i1')) return Int32Array.from(new Int8Array(own.buffer, own.byteOffset, own.length))
  if (descr.endsWith('i2')) return Int32Array.from(new Int16Array(own.buffer, own.byteOffset, own.length / 2))
  if (descr.endsWith('u2'))
    return Int32Array.from(new Uint16Array(own.buffer, own.byteOffset, own.length / 2))
  return viewAs(dtype, own)
}

function swap(bytes: Uint8Array, size: number): void {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (size === 2) buffer.swap16()
  if (size === 4) buffer.swap32()
  if (size === 8) buffer.swap64()
}

/** Data in Fortran order (first dimension fastest) as a copy in C order. */
export function toCOrder<T extends TensorData>(data: T, shape: readonly number[]): T {
  const stride: number[] = []
  let step = 1
  for (const size of shape) {
    stride.push(step)
    step *= size
  }
  return gather(data, 0, shape, stride)
}

/** Copies the elements at `offset + sum(index * stride)`, last dimension fastest. */
export function gather<T extends TensorData>(
  data: T,
  offset: number,
  shape: readonly number[],
  stride: readonly number[],
): T {
  const count = shape.reduce((a, b) => a * b, 1)
  const result = new (data.constructor as new (length: number) => T)(count)
  const index = shape.map(() => 0)
  let from = offset
  for (let to = 0; to < count; to++) {
    result[to] = data[from]!
    for (let d = shape.length - 1; d >= 0; d--) {
      from += stride[d]!
      index[d]! += 1
      if (index[d]! < shape[d]!) break
      from -= stride[d]! * shape[d]!
      index[d] = 0
    }
  }
  return result
}
