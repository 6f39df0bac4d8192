import { expect, test } from '@jest/globals'
import type { DType, TensorData } from '../src/index.ts'
import { readSafetensors, toFloat32 } from '../src/index.ts'
import { fixture } from './support/files.ts'

const convert = (dtype: DType, data: TensorData): number[] =>
  Array.from(toFloat32({ dtype, shape: [data.length], data }))

test('F16: normal, subnormal, zero, infinite, not a number', () => {
  const bits = [
    0x3c00, 0xc100, 0x7bff, 0x0400, 0x03ff, 0x0001, 0x8001, 0x0000, 0x8000, 0x7c00, 0xfc00, 0x7e00, 0x3555,
  ]
  expect(convert('F16', Uint16Array.from(bits))).toEqual([
    1,
    -2.5,
    65504,
    2 ** -14,
    1023 * 2 ** -24,
    2 ** -24,
    -(2 ** -24),
    0,
    -0,
    Infinity,
    -Infinity,
    Number.NaN,
    0.333251953125,
  ])
})

test('F16: all 63,488 finite values have the value of the formula', () => {
  const bits = Uint16Array.from({ length: 65536 }, (_, i) => i)
  const values = convert('F16', bits)
  for (let i = 0; i < 65536; i++) {
    const exponent = (i >> 10) & 31
    if (exponent === 31) continue
    const size = exponent === 0 ? (i & 1023) * 2 ** -24 : (1 + (i & 1023) / 1024) * 2 ** (exponent - 15)
    if (!Object.is(values[i], i >= 32768 ? -size : size))
      throw new Error(`${i}: ${values[i] ?? ''} is not ${size}`)
  }
})

test('BF16 is the upper half of a float32', () => {
  expect(convert('BF16', Uint16Array.of(0x3f80, 0xc020, 0x0001, 0x7f80))).toEqual([
    1,
    -2.5,
    2 ** -133,
    Infinity,
  ])
})

test('other types', () => {
  expect(convert('I64', BigInt64Array.of(-1n, 2n ** 53n + 1n))).toEqual([-1, 2 ** 53])
  expect(convert('I32', Int32Array.of(-5, 16777217))).toEqual([-5, 16777216])
  expect(convert('F64', Float64Array.of(0.1, 1e300))).toEqual([Math.fround(0.1), Infinity])
  expect(convert('BOOL', Uint8Array.of(1, 0))).toEqual([1, 0])
  const data = Float32Array.of(1)
  expect(toFloat32({ dtype: 'F32', shape: [1], data })).toBe(data)
})

test('the values that PyTorch wrote as F16 and BF16', async () => {
  const { tensors } = await readSafetensors(fixture('types.safetensors'))
  expect(Array.from(toFloat32(tensors.get('f16')!))).toEqual([1, -2.5, 65504, 2 ** -24, Infinity, Number.NaN])
  expect(Array.from(toFloat32(tensors.get('bf16')!)).slice(0, 2)).toEqual([1, -2.5])
})
