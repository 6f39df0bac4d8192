import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from '@jest/globals'
import { readEmbeddings, writeNpy, writeSafetensors } from '../src/index.ts'
import type { TensorEntry } from '../src/index.ts'

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
    source: 'abc',
  })
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
  ['a vector', { ...matrix([1, 2], 2), shape: [2] }, ids(7n), 'holds no matrix "embeddings" [M, D]'],
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
