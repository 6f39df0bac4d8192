import { readdir, readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { DType, TensorEntry } from '../src/index.ts'
import {
  decodeSafetensors,
  encodeSafetensors,
  openSafetensors,
  readSafetensors,
  writeSafetensors,
} from '../src/index.ts'
import { DTYPES, viewAs } from '../src/tensor.ts'
import { allBits, fixture, temporaryFolder } from './support/files.ts'

/** A file with this header text (padded by nothing) and these data bytes. */
function file(header: string | Uint8Array, data: Uint8Array = new Uint8Array(0), length?: bigint): Buffer {
  const text = Buffer.from(header)
  const head = Buffer.alloc(8)
  head.writeBigUInt64LE(length ?? BigInt(text.length))
  return Buffer.concat([head, text, data])
}

const I32 = '{"test":{"dtype":"I32","shape":[2,2],"data_offsets":[0,16]}}'

describe('written as the reference implementation writes', () => {
  test.each(['order', 'types'])('%s.safetensors of Python is encoded again byte for byte', async (name) => {
    const bytes = await readFile(fixture(`${name}.safetensors`))
    expect(Buffer.from(encodeSafetensors(decodeSafetensors(bytes))).equals(bytes)).toBe(true)
  })

  test('an empty file, with and without metadata', () => {
    const empty = encodeSafetensors({ tensors: new Map() })
    expect(Array.from(empty)).toEqual([8, 0, 0, 0, 0, 0, 0, 0, 123, 125, 32, 32, 32, 32, 32, 32])
    expect(decodeSafetensors(empty)).toEqual({ tensors: new Map(), metadata: new Map() })
    const metadata = new Map([['framework', 'pt']])
    const text = Buffer.from(encodeSafetensors({ tensors: new Map(), metadata })).toString('latin1', 8)
    expect(text).toBe('{"__metadata__":{"framework":"pt"}}     ')
  })

  test('the order of insertion does not matter', () => {
    const a: [string, TensorEntry] = ['a', { dtype: 'U8', shape: [3], data: Uint8Array.of(1, 2, 3) }]
    const b: [string, TensorEntry] = ['b', { dtype: 'F32', shape: [], data: Float32Array.of(1) }]
    const c: [string, string] = ['c', '1']
    const d: [string, string] = ['d', '2']
    const one = encodeSafetensors({ tensors: new Map([a, b]), metadata: new Map([c, d]) })
    const two = encodeSafetensors({ tensors: new Map([b, a]), metadata: new Map([d, c]) })
    expect(Buffer.from(one).equals(two)).toBe(true)
  })

  test('__proto__ is a name like others', () => {
    const entry: TensorEntry = { dtype: 'U8', shape: [1], data: Uint8Array.of(7) }
    const written = encodeSafetensors({
      tensors: new Map([['__proto__', entry]]),
      metadata: new Map([['__proto__', 'x']]),
    })
    const { tensors, metadata } = decodeSafetensors(written)
    expect([...tensors.keys(), ...metadata]).toEqual(['__proto__', ['__proto__', 'x']])
  })
})

describe('accepted as the reference implementation accepts', () => {
  test('a scalar', () => {
    const { tensors } = decodeSafetensors(
      file('{"test":{"dtype":"I32","shape":[],"data_offsets":[0,4]}}', Buffer.alloc(4)),
    )
    expect(tensors.get('test')).toEqual({ dtype: 'I32', shape: [], data: Int32Array.of(0) })
  })

  test('a tensor of size zero', () => {
    const { tensors } = decodeSafetensors(
      file('{"test":{"dtype":"I32","shape":[2,0],"data_offsets":[0, 0]}}'),
    )
    expect(tensors.get('test')!.shape).toEqual([2, 0])
  })

  test('white space behind the header, null as metadata, unknown fields', () => {
    expect(decodeSafetensors(file('{}\r \t\n')).tensors.size).toBe(0)
    expect(decodeSafetensors(file('{"__metadata__":null}')).metadata.size).toBe(0)
    const { tensors } = decodeSafetensors(
      file(I32.replace('"shape"', '"more":[1.5,{"x":null}],"shape"'), Buffer.alloc(16)),
    )
    expect(tensors.size).toBe(1)
  })

  test('data at an address that is not a multiple of the element size', () => {
    const bytes = file(`${I32} `, Buffer.from(Int32Array.of(1, 2, 3, 4).buffer))
    const shifted = Buffer.concat([Buffer.alloc(3), bytes]).subarray(3)
    expect(decodeSafetensors(shifted).tensors.get('test')!.data).toEqual(Int32Array.of(1, 2, 3, 4))
  })
})

describe('refused as the reference implementation refuses', () => {
  const zeros = Buffer.alloc(16)
  const weights = Array.from(
    { length: 10 },
    (_, i) => `"w${i}":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}`,
  )
  const one = (fields: string): string => `{"test":{${fields}}}`
  const cases: [name: string, bytes: Uint8Array, message: string][] = [
    ['HeaderTooSmall: empty', Buffer.alloc(0), 'has 0 bytes'],
    ['HeaderTooSmall: seven bytes', Buffer.alloc(7), 'has 7 bytes'],
    ['HeaderTooLarge', file(I32, zeros, 0xffffff000000003cn), 'the limit is 100000000'],
    [
      'HeaderTooLarge: PyTorch',
      Buffer.from('PK\x03\x04\x14\0\0\0archive'),
      'but a zip file, such as PyTorch',
    ],
    ['HeaderTooLarge: Git LFS', Buffer.from('version https://git-lfs'), 'fetch the file with git lfs pull'],
    ['HeaderTooLarge: one over the limit', file(I32, zeros, 100_000_001n), 'the limit is 100000000'],
    ['InvalidHeaderLength', file('', undefined, 60n), 'longer than the file'],
    ['InvalidHeader: not UTF-8', file(Buffer.of(0xff)), 'not UTF-8'],
    ['InvalidHeaderStart', file(' {}'), 'does not begin with "{"'],
    ['InvalidHeaderStart: a list', file('[]'), 'does not begin with "{"'],
    ['InvalidHeaderDeserialization: not JSON', file('{'), 'not valid JSON'],
    ['InvalidHeaderDeserialization: text behind it', file('{}x'), 'expected the end of the text'],
    ['InvalidHeaderDeserialization: a trailing comma', file('{"__metadata__":{},}'), 'not valid JSON'],
    ['InvalidHeaderDeserialization: half a surrogate pair', file('{"\\ud800":{}}'), 'surrogate'],
    ['a repeated tensor', file(`{${weights[0]!},${weights[0]!}}`, zeros), 'the key "w0" is given twice'],
    [
      'a repeated tensor, written with an escape',
      file(`{${weights[0]!},${weights[0]!.replace('w0', '\\u00770')}}`, zeros),
      'the key "w0" is given twice',
    ],
    ['repeated metadata', file('{"__metadata__":{"a":"1","a":"1"}}'), 'the key "a" is given twice'],
    [
      'a repeated field',
      file(I32.replace('"shape"', '"dtype":"I32","shape"'), zeros),
      'the key "dtype" is given twice',
    ],
    ['metadata that is not text', file('{"__metadata__":{"a":1}}'), 'metadata "a" is not text'],
    ['metadata that is not an object', file('{"__metadata__":["a"]}'), '__metadata__ is not an object'],
    ['a tensor that is not an object', file('{"test":3}'), 'is not an object'],
    ['a missing field', file(one('"dtype":"I32","shape":[2,2]'), zeros), 'data_offsets are no two'],
    ['an unknown type', file(I32.replace('I32', 'X32'), zeros), 'the type "X32" is not supported'],
    ['a type that is a property of objects', file(I32.replace('I32', 'constructor'), zeros), 'not supported'],
    ['InvalidOffset: all at one place', file(`{${weights.join(',')}}`, zeros), 'overlaps'],
    ['InvalidOffset: a hole', file(I32.replace('0,16', '4,20'), Buffer.alloc(20)), 'leaves a hole'],
    ['InvalidOffset: end before start', file(I32.replace('0,16', '16,0'), zeros), 'before its start'],
    [
      'InvalidOffset: partly over another',
      file(`{${weights[0]!},${weights[1]!.replace('0,16', '8,24')}}`, Buffer.alloc(24)),
      'overlaps',
    ],
    ['TensorInvalidInfo', file(I32.replace('16]', '4]')), 'has 4 bytes, I32 [2,2] needs 16'],
    ['MetadataIncompleteBuffer: foreign bytes', file(I32, Buffer.alloc(50)), 'has foreign bytes'],
    ['MetadataIncompleteBuffer: two bytes missing', file(I32, Buffer.alloc(14)), 'cut off'],
    ['MetadataIncompleteBuffer: bytes without tensors', file('{}', zeros), 'has foreign bytes'],
    [
      'ValidationOverflow: the shape',
      file(I32.replace('2,2', '2,18446744073709551614'), zeros),
      'not a list of whole numbers',
    ],
    [
      'ValidationOverflow: shape times type',
      file(I32.replace('2,2', '2,9007199254740991'), zeros),
      'overflows',
    ],
    ['a negative size', file(I32.replace('2,2', '-2,-2'), zeros), 'not a list of whole numbers'],
    ['a size with a fraction', file(I32.replace('2,2', '2.0,2'), zeros), 'not a list of whole numbers'],
    ['a size with an exponent', file(I32.replace('2,2', '2e0,2'), zeros), 'not a list of whole numbers'],
    ['an offset as text', file(I32.replace('0,16', '"0",16'), zeros), 'no two whole numbers'],
    ['three offsets', file(I32.replace('0,16', '0,16,16'), zeros), 'no two whole numbers'],
    ['deep nesting', file(`{"a":${'['.repeat(200)}${']'.repeat(200)}}`), 'nested deeper than 100 levels'],
    ['millions of objects in a small file', file(`{"a":[${'{},'.repeat(400_000)}{}]}`), 'objects and arrays'],
  ]

  test.each(cases)('%s', async (_name, bytes, message) => {
    const path = join(await temporaryFolder(), 'x.safetensors')
    await writeFile(path, bytes)
    expect(() => decodeSafetensors(bytes, 'x')).toThrow(message)
    await expect(readSafetensors(path)).rejects.toThrow(message)
    await expect(openSafetensors(path)).rejects.toMatchObject({ name: 'InputError', code: 'LEVER_INPUT' })
  })
})

describe('files', () => {
  test('are written atomically and read in parts', async () => {
    const folder = await temporaryFolder()
    const path = join(folder, 'x.safetensors')
    const data = Float32Array.from({ length: 1200 }, (_, i) => i)
    const ids = BigInt64Array.from({ length: 300 }, (_, i) => BigInt(i) - 5n)
    const tensors = new Map<string, TensorEntry>([
      ['embeddings', { dtype: 'F32', shape: [300, 4], data }],
      ['ids', { dtype: 'I64', shape: [300], data: ids }],
      ['none', { dtype: 'F32', shape: [0, 4], data: new Float32Array(0) }],
      ['one', { dtype: 'F32', shape: [], data: Float32Array.of(5) }],
    ])
    await writeSafetensors(path, { tensors, metadata: new Map([['kind', 'image']]) })
    expect(await readdir(folder)).toEqual(['x.safetensors'])
    const all = await readSafetensors(path)
    expect(allBits(all.tensors)).toEqual(allBits(tensors))
    const reader = await openSafetensors(path)
    expect([reader.metadata.get('kind'), reader.tensors.get('embeddings')!.shape]).toEqual([
      'image',
      [300, 4],
    ])
    expect(await reader.readRows('embeddings', 10, 12)).toEqual({
      dtype: 'F32',
      shape: [2, 4],
      data: data.slice(40, 48),
    })
    expect((await reader.readRows('ids', 299, 300)).data).toEqual(BigInt64Array.of(294n))
    expect((await reader.readRows('embeddings', 300, 300)).data.length).toBe(0)
    expect((await reader.readRows('none', 0, 0)).shape).toEqual([0, 4])
    for (const [name, from, to] of [
      ['ids', -1, 1],
      ['ids', 0, 301],
      ['ids', 2, 1],
      ['ids', 0.5, 1],
      ['one', 0, 1],
    ] as const) {
      await expect(reader.readRows(name, from, to)).rejects.toThrow(RangeError)
    }
    await expect(reader.read('missing')).rejects.toThrow(
      'it has no tensor "missing"; it has 4: ids, embeddings',
    )
    await truncate(path, 1000)
    await expect(reader.read('embeddings')).rejects.toThrow('became shorter')
    await reader.close()
  })

  test('that are missing or folders are input errors', async () => {
    const folder = await temporaryFolder()
    for (const path of [join(folder, 'missing'), folder]) {
      await expect(readSafetensors(path)).rejects.toMatchObject({ code: 'LEVER_INPUT' })
    }
  })
})

test.each<[string, TensorEntry, string]>([
  ['a', { dtype: 'F32', shape: [2], data: new Float32Array(3) }, '[2] needs 2 elements, the data has 3'],
  [
    'a',
    { dtype: 'F32', shape: [2], data: new Float64Array(2) },
    'F32 needs a Float32Array, the data is a Float64Array',
  ],
  ['a', { dtype: 'F32', shape: [-1], data: new Float32Array(0) }, 'is not a shape'],
  ['a', { dtype: 'F32', shape: [0.5, 2], data: new Float32Array(1) }, 'is not a shape'],
  ['__metadata__', { dtype: 'U8', shape: [0], data: new Uint8Array(0) }, 'this name is taken'],
  ['\ud800', { dtype: 'U8', shape: [0], data: new Uint8Array(0) }, 'is not valid text'],
])('a tensor that cannot be written: %j', (name, entry, message) => {
  expect(() => encodeSafetensors({ tensors: new Map([[name, entry]]) })).toThrow(message)
})

test('what is encoded is decoded', () => {
  const dtypes = Object.keys(DTYPES) as DType[]
  const anyTensor = fc
    .tuple(fc.constantFrom(...dtypes), fc.array(fc.nat(3), { maxLength: 4 }), fc.nat())
    .map(([dtype, shape, seed]): TensorEntry => {
      const count = shape.reduce((a, b) => a * b, 1) * DTYPES[dtype].bytes
      return {
        dtype,
        shape,
        data: viewAs(
          dtype,
          Uint8Array.from({ length: count }, (_, i) => (seed + i * 37) % 256),
        ),
      }
    })
  const name = fc.string({ unit: 'grapheme' }).filter((text) => text !== '__metadata__')
  fc.assert(
    fc.property(fc.array(fc.tuple(name, anyTensor)), fc.dictionary(name, name), (tensors, metadata) => {
      const input = { tensors: new Map(tensors), metadata: new Map(Object.entries(metadata)) }
      const output = decodeSafetensors(encodeSafetensors(input))
      expect(allBits(output.tensors)).toEqual(allBits(input.tensors))
      expect(output.metadata).toEqual(new Map([...input.metadata].sort()))
    }),
  )
})
