import { toFloat32 } from './convert.ts'
import { viewAs, type DType, type TensorData } from './tensor.ts'

/** How the elements of a storage lie in a file, and what they become. */
export interface ElementType {
  readonly dtype: DType
  /** Of an element in the file. */
  readonly bytes: 1 | 2 | 4 | 8
  /** The elements of bytes, whose length is a multiple of `bytes`. */
  read(bytes: Uint8Array): TensorData
}

function same(dtype: DType, bytes: ElementType['bytes']): ElementType {
  return { dtype, bytes, read: (data) => viewAs(dtype, data) }
}

/** Narrow integers become I32. */
function widened(bytes: 1 | 2, view: (buffer: ArrayBuffer) => ArrayLike<number>): ElementType {
  return { dtype: 'I32', bytes, read: (data) => Int32Array.from(view(new Uint8Array(data).buffer)) }
}

/** Numbers of eight bits become F32, which holds every one of them exactly. */
function eightBits(valueOf: (bits: number) => number): ElementType {
  const values = Float32Array.from({ length: 256 }, (_, bits) => valueOf(bits))
  return { dtype: 'F32', bytes: 1, read: (data) => Float32Array.from(data, (bits) => values[bits]!) }
}

interface Float8 {
  readonly fractionBits: 2 | 3
  readonly bias: number
  /** The bits, without the sign unless it says so, that are not a number. */
  readonly nan: (bits: number) => boolean
}

/** (-1)^s 2^(e - bias) (1 + f), and 2^(1 - bias) f where e is 0. https://arxiv.org/abs/2209.05433, table 1 */
function float8({ fractionBits, bias, nan }: Float8): (bits: number) => number {
  return (bits) => {
    if (nan(bits)) return NaN
    const sign = bits & 0x80 ? -1 : 1
    const exponent = (bits & 0x7f) >> fractionBits
    const fraction = (bits & ((1 << fractionBits) - 1)) / (1 << fractionBits)
    return sign * (exponent === 0 ? 2 ** (1 - bias) * fraction : 2 ** (exponent - bias) * (1 + fraction))
  }
}

/** float8_e5m2 is the upper byte of a half float. */
function upperHalf(bits: number): number {
  return toFloat32({ dtype: 'F16', shape: [1], data: Uint16Array.of(bits << 8) })[0]!
}

const isNegativeZero = (bits: number): boolean => bits === 0x80

/** The storage classes of PyTorch that have an element type. */
export const STORAGE_TYPES: ReadonlyMap<string, ElementType> = new Map([
  ['torch.FloatStorage', same('F32', 4)],
  ['torch.DoubleStorage', same('F64', 8)],
  ['torch.HalfStorage', same('F16', 2)],
  ['torch.BFloat16Storage', same('BF16', 2)],
  ['torch.LongStorage', same('I64', 8)],
  ['torch.IntStorage', same('I32', 4)],
  ['torch.ShortStorage', widened(2, (buffer) => new Int16Array(buffer))],
  ['torch.CharStorage', widened(1, (buffer) => new Int8Array(buffer))],
  ['torch.ByteStorage', same('U8', 1)],
  ['torch.BoolStorage', same('BOOL', 1)],
])

/** The storage class of the types below; its size is in bytes. */
export const UNTYPED_STORAGE = 'torch.storage.UntypedStorage'

/** The types of PyTorch without a storage class of their own. */
export const UNTYPED_TYPES: ReadonlyMap<string, ElementType> = new Map([
  ['torch.uint16', widened(2, (buffer) => new Uint16Array(buffer))],
  ['torch.float8_e5m2', eightBits(upperHalf)],
  [
    'torch.float8_e4m3fn',
    eightBits(float8({ fractionBits: 3, bias: 7, nan: (bits) => (bits & 0x7f) === 0x7f })),
  ],
  ['torch.float8_e4m3fnuz', eightBits(float8({ fractionBits: 3, bias: 8, nan: isNegativeZero }))],
  ['torch.float8_e5m2fnuz', eightBits(float8({ fractionBits: 2, bias: 16, nan: isNegativeZero }))],
])

/** The data with every sign turned, as a copy; F16 and BF16 are their raw bits. */
export function negated(dtype: DType, data: TensorData): TensorData {
  if (dtype === 'F16' || dtype === 'BF16')
    return Uint16Array.from(data as Uint16Array, (bits) => bits ^ 0x8000)
  if (data instanceof BigInt64Array) return data.map((value) => -value)
  return data.map((value) => -value)
}
