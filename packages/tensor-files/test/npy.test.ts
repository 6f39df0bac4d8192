import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { TensorData, TensorEntry } from '../src/index.ts'
import { decodeNpy, encodeNpy, readNpy, writeNpy } from '../src/index.ts'
import { bits, fixture, temporaryFolder } from './support/files.ts'

test.each<[string, string, TensorData]>([
  ['f2', 'F16', Uint16Array.of(0xc000, 0xbc00, 0, 0x3c00, 0x4000, 0x4200)],
  ['f4', 'F32', Float32Array.of(-2, -1, 0, 1, 2, 3)],
  ['f8', 'F64', Float64Array.of(-2, -1, 0, 1, 2, 3)],
  ['i1', 'I32', Int32Array.of(-2, -1, 0, 1, 2, 3)],
  ['i2', 'I32', Int32Array.of(-2, -1, 0, 1, 2, 3)],
  ['i4', 'I32', Int32Array.of(-2, -1, 0, 1, 2, 3)],
  ['i8', 'I64', BigInt64Array.of(-2n, -1n, 0n, 1n, 2n, 3n)],
  ['u1', 'U8', Uint8Array.of(2, 1, 0, 1, 2, 3)],
  ['u2', 'I32', Int32Array.of(2, 1, 0, 1, 2, 3)],
  ['b1', 'BOOL', Uint8Array.of(1, 1, 0, 1, 1, 1)],
])('%s.npy of NumPy is read as %s and written again byte for byte', async (name, dtype, data) => {
  const entry = await readNpy(fixture(`${name}.npy`))
  expect(entry).toEqual({ dtype, shape: [2, 3], data })
  if (['i1', 'i2', 'u2'].includes(name)) return
  expect(Buffer.from(encodeNpy(entry)).equals(await readFile(fixture(`${name}.npy`)))).toBe(true)
})

test('Fortran order becomes C order', async () => {
  const { shape, data } = await readNpy(fixture('fortran.npy'))
  expect(shape).toEqual([2, 3, 4])
  expect(data).toEqual(Float32Array.from({ length: 24 }, (_, i) => i))
})

test('the other byte order, a scalar, an empty array, versions 2 and 3', async () => {
  expect((await readNpy(fixture('big-endian.npy'))).data).toEqual(Float32Array.of(1.5, -2))
  expect(await readNpy(fixture('scalar.npy'))).toEqual({
    dtype: 'F64',
    shape: [],
    data: Float64Array.of(2.5),
  })
  expect((await readNpy(fixture('empty.npy'))).shape).toEqual([0, 3])
  for (const version of [2, 3]) {
    expect((await readNpy(fixture(`version-${version}.npy`))).data).toEqual(BigInt64Array.of(1n, 2n, 3n))
  }
})

test('a scalar and an empty array are written as NumPy writes them', async () => {
  for (const name of ['scalar', 'empty']) {
    const bytes = await readFile(fixture(`${name}.npy`))
    expect(Buffer.from(encodeNpy(decodeNpy(bytes))).equals(bytes)).toBe(true)
  }
})

/** A version 1 file with this header and data. */
function file(header: string, data: Uint8Array = new Uint8Array(0)): Buffer {
  const head = Buffer.from('\x93NUMPY\x01\x00\x00\x00', 'latin1')
  head.writeUInt16LE(header.length, 8)
  return Buffer.concat([head, Buffer.from(header, 'latin1'), data])
}
const header = (descr: string, shape: string, order = 'False'): string =>
  `{'descr': ${descr}, 'fortran_order': ${order}, 'shape': ${shape}, }`

test.each([
  header("'<f4'", '(2,)'),
  `{"shape": (2,),"descr":"<f4" , "fortran_order":True}\n`,
  header("'=f4'", '(1, 2, )'),
  header("'<f4'", '(2L,)'),
])('the header %j is understood', (text) => {
  expect(decodeNpy(file(text, Buffer.alloc(8))).data).toEqual(new Float32Array(2))
})

describe('refused', () => {
  const zeros = Buffer.alloc(8)
  const long = Buffer.from('\x93NUMPY\x02\x00\xff\xff\xff\x7f', 'latin1')
  test.each<[string, Uint8Array, string]>([
    ['nothing', Buffer.alloc(0), 'does not begin as a .npy file'],
    ['another file', Buffer.from('PK\x03\x04 and so on'), 'does not begin as a .npy file'],
    ['version 4', Buffer.from('\x93NUMPY\x04\x00\x00\x00\x00\x00', 'latin1'), 'version 4.0'],
    ['version 1.1', Buffer.from('\x93NUMPY\x01\x01\x00\x00\x00\x00', 'latin1'), 'version 1.1'],
    ['a cut header', file(header("'<f4'", '(2,)')).subarray(0, 30), 'cut off in the header'],
    ['a long header', Buffer.concat([long, zeros]), 'over the limit of 10000'],
    ['no dictionary', file('[1]'), 'no dictionary'],
    ['a missing field', file(`{'descr': '<f4', 'shape': (2,)}`, zeros), 'something missing or unknown'],
    [
      'a field too many',
      file(`${header("'<f4'", '(2,)').slice(0, -1)}'x': True}`, zeros),
      'something missing or unknown',
    ],
    [
      'a repeated field',
      file(`{'descr': '<f4', ${header("'<f4'", '(2,)').slice(1)}`, zeros),
      'a repeated entry',
    ],
    ['a missing comma', file(`{'descr': '<f4' 'shape': (2,)}`, zeros), 'a missing comma'],
    ['code', file(header("__import__('os')", '(2,)'), zeros), 'not understood'],
    ['a shape that is not a tuple', file(header("'<f4'", '(2)'), zeros), 'something missing'],
    ['a negative size', file(header("'<f4'", '(-2,)'), zeros), 'something missing'],
    ['a size that overflows', file(header("'<f4'", '(9007199254740993,)'), zeros), 'overflows'],
    ['a product that overflows', file(header("'<f4'", '(4294967296, 4294967296)'), zeros), 'overflows'],
    ['65 dimensions', file(header("'<f4'", `(${'1, '.repeat(65)})`), zeros), 'more than 64 dimensions'],
    ['an order that is no truth value', file(header("'<f4'", '(2,)', "'x'"), zeros), 'something missing'],
    ['too few bytes', file(header("'<f4'", '(3,)'), zeros), 'needs 12 bytes, the file has 8'],
    ['too many bytes', file(header("'<f4'", '(1,)'), zeros), 'needs 4 bytes, the file has 8'],
    ['unsigned 32 bits', file(header("'<u4'", '(2,)'), zeros), 'the type <u4 is not supported'],
    ['text', file(header("'<U1'", '(2,)'), zeros), 'type that is not supported'],
  ])('%s', async (_name, bytes, message) => {
    const path = join(await temporaryFolder(), 'x.npy')
    await writeFile(path, bytes)
    expect(() => decodeNpy(bytes)).toThrow(message)
    await expect(readNpy(path)).rejects.toThrow(message)
    await expect(readNpy(path)).rejects.toMatchObject({ code: 'LEVER_INPUT' })
  })

  test.each(['object', 'complex', 'records'])('%s.npy of NumPy', async (name) => {
    await expect(readNpy(fixture(`${name}.npy`))).rejects.toMatchObject({ code: 'LEVER_INPUT' })
  })

  test('BF16, and data that does not fit', () => {
    expect(() => encodeNpy({ dtype: 'BF16', shape: [1], data: new Uint16Array(1) })).toThrow(
      'NumPy has no BF16',
    )
    expect(() => encodeNpy({ dtype: 'F32', shape: [2], data: new Float32Array(1) })).toThrow('does not fit')
  })
})

test('what is written is read', async () => {
  const path = join(await temporaryFolder(), 'x.npy')
  const entry: TensorEntry = { dtype: 'F32', shape: [2, 1, 2], data: Float32Array.of(1, Number.NaN, -0, 4) }
  await writeNpy(path, entry)
  expect(bits(await readNpy(path))).toBe(bits(entry))
  fc.assert(
    fc.property(fc.array(fc.nat(4), { maxLength: 5 }), (shape) => {
      const data = Int32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i)
      expect(decodeNpy(encodeNpy({ dtype: 'I32', shape, data }))).toEqual({ dtype: 'I32', shape, data })
    }),
  )
})
