import type { TensorEntry } from './tensor.ts'

/**
 * A tensor's elements as float32: exact for F32, F16, BF16, U8 and BOOL, rounded to nearest for
 * F64, I64 and I32. F32 data is returned as it is, not copied.
 */
export function toFloat32(entry: TensorEntry): Float32Array {
  const { dtype, data } = entry
  if (data instanceof Float32Array) return data
  if (data instanceof BigInt64Array) return Float32Array.from(data, Number)
  if (dtype === 'BF16') return widen(data, (bits) => bits << 16)
  if (dtype === 'F16') return widen(data, halfToFloatBits)
  return new Float32Array(data)
}

function widen(data: ArrayLike<number>, bitsOf: (half: number) => number): Float32Array {
  const bits = new Uint32Array(data.length)
  for (let i = 0; i < data.length; i++) bits[i] = bitsOf(data[i]!)
  return new Float32Array(bits.buffer)
}

function halfToFloatBits(half: number): number {
  const sign = (half & 0x8000) << 16
  const exponent = (half >> 10) & 31
  const fraction = half & 1023
  if (exponent === 31) return sign | 0x7f800000 | (fraction << 13)
  if (exponent > 0) return sign | ((exponent + 112) << 23) | (fraction << 13)
  if (fraction === 0) return sign
  const shift = Math.clz32(fraction) - 21
  return sign | ((113 - shift) << 23) | (((fraction << shift) & 1023) << 13)
}
