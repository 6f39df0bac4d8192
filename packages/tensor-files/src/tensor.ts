/** Element types. F16 and BF16 are kept as their raw 16 bits. */
export type DType = 'F32' | 'F64' | 'F16' | 'BF16' | 'I64' | 'I32' | 'U8' | 'BOOL'

/** The numbers of a tensor in memory. */
export type TensorData = Float32Array | Float64Array | Int32Array | BigInt64Array | Uint8Array | Uint16Array

/** A tensor in C order (last dimension fastest). The shape `[]` is one element. */
export interface TensorEntry {
  dtype: DType
  shape: readonly number[]
  data: TensorData
}

/** Type, shape and place of a tensor in a file; offsets in bytes from the start of the data. */
export interface TensorInfo {
  dtype: DType
  shape: readonly number[]
  start: number
  end: number
}

interface Kind {
  bytes: 1 | 2 | 4 | 8
  array: TensorDataConstructor
}

type TensorDataConstructor =
  | Float32ArrayConstructor
  | Float64ArrayConstructor
  | Int32ArrayConstructor
  | BigInt64ArrayConstructor
  | Uint8ArrayConstructor
  | Uint16ArrayConstructor

/** Every element type: its size and its array. In the order of safetensors, widest first. */
export const DTYPES: Readonly<Record<DType, Kind>> = {
  I64: { bytes: 8, array: BigInt64Array },
  F64: { bytes: 8, array: Float64Array },
  F32: { bytes: 4, array: Float32Array },
  I32: { bytes: 4, array: Int32Array },
  BF16: { bytes: 2, array: Uint16Array },
  F16: { bytes: 2, array: Uint16Array },
  U8: { bytes: 1, array: Uint8Array },
  BOOL: { bytes: 1, array: Uint8Array },
}

/** Is this the name of an element type that we read and write? */
export function isDType(name: unknown): name is DType {
  return typeof name === 'string' && Object.hasOwn(DTYPES, name)
}

/** Product of the dimensions; undefined when it, or a dimension, is not a safe whole number. */
export function countElements(shape: readonly number[]): number | undefined {
  let count = 1
  for (const size of shape) {
    if (!Number.isSafeInteger(size) || size < 0) return undefined
    count *= size
    if (count > Number.MAX_SAFE_INTEGER) return undefined
  }
  return count
}

/**
 * Bytes as an array of a type: without copying where the address allows it. The bytes are little
 * endian, as is every machine that Node runs on today.
 */
export function viewAs(dtype: DType, bytes: Uint8Array): TensorData {
  const { bytes: size, array } = DTYPES[dtype]
  const aligned = bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes)
  const buffer = aligned.buffer as ArrayBuffer
  return new array(buffer, aligned.byteOffset, aligned.byteLength / size)
}

/** The bytes of a tensor's data, without copying. */
export function bytesOf(data: TensorData): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
}
