import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from '@jest/globals'
import {
  checkOneEmbedder,
  kindsOf,
  pairsOf,
  readEmbeddings,
  rowFinder,
  writeEmbeddings,
  writeNpy,
  writeSafetensors,
} from '../src/index.ts'
import type { Embeddings, TensorEntry } from '../src/index.ts'

const folder = mkdtempSync(join(tmpdir(), 'lever-embeddings-'))
afterAll(() => rmSync(folder, { recursive: true }))
const at = (name: string): string => join(folder, name)

const matrix = (data: number[], dim: number): TensorEntry => ({
  dtype: 'F32',
  shape: [data.length / dim, dim],
  data: Float32Array.from(data),
})
const ids = (...values: bigint[]): TensorEntry => ({
  dtype: 'I64',
  shape: [values.length],
  data: BigInt64Array.from(values),
})

test('rows, ids and what the file says of itself', async () => {
  const tensors = new Map([
    ['embeddings', matrix([1, 2, 3, 4], 2)],
    ['ids', ids(7n, 9n)],
  ])
  const metadata = new Map([
    ['kind', 'image'],
    ['model', 'clip'],
    ['source', 'abc'],
  ])
  await writeSafetensors(at('e.safetensors'), { tensors, metadata })
  expect(await readEmbeddings(at('e.safetensors'))).toEqual({
    ids: [7, 9],
    data: Float32Array.of(1, 2, 3, 4),
    dim: 2,
    kind: 'image',
    imageDim: 0,
    model: 'clip',
    modelHash: '',
    source: 'abc',
  })
})

test('queries and candidates of two embedders are refused, in pairs too', () => {
  const of = (model: string, modelHash: string): Embeddings => ({
    ...{ ids: [1], data: Float32Array.of(1, 0), dim: 2, kind: 'text', imageDim: 0, source: '' },
    ...{ model, modelHash },
  })
  const [a, b, unknown] = [of('clip', 'aaaaaaaaaaaaaaaa'), of('siglip', 'bbbbbbbbbbbbbbbb'), of('x', '')]
  const names = { queries: '--embeddings', candidates: '--pool-embeddings' }
  expect(() => checkOneEmbedder({ queries: a, candidates: b }, names)).toThrow(
    '--embeddings were made by clip (aaaaaaaaaaaa) and --pool-embeddings by siglip (bbbbbbbbbbbb), whose spaces differ',
  )
  expect(() => pairsOf({ queries: a, candidates: b })).toThrow('whose spaces differ')
  expect(Object.keys(pairsOf({ queries: a, candidates: unknown }))).toEqual(['text'])
  expect(Object.keys(pairsOf({ queries: a, candidates: a }))).toEqual(['text'])
})

test('without ids rows are those of the given order, or 0, 1, 2', async () => {
  await writeNpy(at('e.npy'), matrix([1, 2, 3, 4], 2))
  expect((await readEmbeddings(at('e.npy'))).ids).toEqual([0, 1])
  expect((await readEmbeddings(at('e.npy'), [5, 3])).ids).toEqual([5, 3])
  await expect(readEmbeddings(at('e.npy'), [5])).rejects.toThrow('2 rows and no ids, but the dataset has 1')
})

test.each([
  ['NaN', matrix([1, 2, NaN, 4], 2), ids(7n, 9n), 'row 1 is not finite'],
  ['an id twice', matrix([1, 2, 3, 4], 2), ids(7n, 7n), 'id 7 is given twice'],
  ['too few ids', matrix([1, 2, 3, 4], 2), ids(7n), '2 rows and 1 ids'],
  [
    'a vector',
    { ...matrix([1, 2], 2), shape: [2] },
    ids(7n),
    'holds no matrix "embeddings" [M, D], but ids I64 [1], embeddings F32 [2]',
  ],
])('%s is refused', async (name, embeddings, own, message) => {
  const file = at(`${name}.safetensors`)
  await writeSafetensors(file, {
    tensors: new Map([
      ['embeddings', embeddings],
      ['ids', own],
    ]),
  })
  await expect(readEmbeddings(file)).rejects.toThrow(message)
  await expect(readEmbeddings(file)).rejects.toMatchObject({ code: 'LEVER_INPUT' })
})

const both: Embeddings = {
  ids: [5, 2 ** 52],
  data: Float32Array.of(0.6, 0, 0.8, 0, 0, 1),
  dim: 3,
  kind: 'both',
  imageDim: 1,
  model: 'm',
  modelHash: 'h',
  source: 's',
}

test('embeddings are read as they were written', async () => {
  await writeEmbeddings(at('both.safetensors'), both)
  expect(await readEmbeddings(at('both.safetensors'))).toEqual(both)
  await writeEmbeddings(at('none.safetensors'), { ...both, ids: [], data: new Float32Array() })
  expect((await readEmbeddings(at('none.safetensors'))).ids).toEqual([])
})

test.each([
  ['kind', 'sound', 'kind is "sound", not one of image, text, both'],
  ['image_dim', '3', 'image_dim is "3", not a number of columns from 0 to 2'],
  ['image_dim', 'x', 'image_dim is "x"'],
])('metadata %s %s is refused', async (key, value, message) => {
  const tensors = new Map([['embeddings', matrix([1, 2, 3, 4], 2)]])
  await writeSafetensors(at('meta.safetensors'), { tensors, metadata: new Map([[key, value]]) })
  await expect(readEmbeddings(at('meta.safetensors'))).rejects.toThrow(message)
  await expect(readEmbeddings(at('meta.safetensors'))).rejects.toMatchObject({ code: 'LEVER_INPUT' })
})

test('both is split into its columns, of length 1; a row of zeros stays', () => {
  const { image, text } = kindsOf(both)
  expect(image).toEqual({ ...both, data: Float32Array.of(1, 0), dim: 1, kind: 'image', imageDim: 0 })
  expect(text).toEqual({
    ...both,
    data: Float32Array.of(0, 1, 0, 1),
    dim: 2,
    kind: 'text',
    imageDim: 0,
  })
  expect(kindsOf(both).both).toBe(both)
  expect(Object.keys(kindsOf({ ...both, imageDim: 0 }))).toEqual(['both'])
  expect(Object.keys(kindsOf({ ...both, kind: 'text' }))).toEqual(['text'])
})

test('pairs have the kinds of both sides', () => {
  const same = pairsOf({ queries: both, candidates: both })
  expect(Object.keys(same)).toEqual(['image', 'text', 'both'])
  expect(same.image!.queries).toBe(same.image!.candidates)
  expect(Object.keys(pairsOf({ queries: both, candidates: { ...both, imageDim: 0 } }))).toEqual(['both'])
  expect(pairsOf({ queries: { ...both, kind: 'text' }, candidates: { ...both, kind: 'image' } })).toEqual({})
})

test('rows are found by id', () => {
  const row = rowFinder(both, 'query')
  expect([row(2 ** 52), row(5)]).toEqual([1, 0])
  expect(() => row(6)).toThrow('the query embeddings have no row for example 6')
  expect(() => rowFinder({ ...both, ids: [1, 1] }, 'query')).toThrow('id 1 is given twice')
  expect(() => rowFinder({ ...both, ids: [0.5, 1] }, 'query')).toThrow(
    'id 0.5 is not a whole number below 2^53',
  )
  expect(() => rowFinder({ ...both, dim: 2 }, 'query')).toThrow('hold 6 numbers, not [M=2, D=2]')
})
