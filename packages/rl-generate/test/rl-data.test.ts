import { writeFile } from 'node:fs/promises'
import { expect, test } from '@jest/globals'
import { pointerIds } from '@lever/rl-dataset'
import { readRlData } from '@lever/rl-dataset/node'
import { proposePointers, readPointers } from '../src/index.ts'
import { freshPath, linesOf, measure, queries, toyOptions } from './scripted.ts'

test('a journal is RL data in the canonical form, without a complaint', async () => {
  const path = freshPath()
  await measure(toyOptions(path, { prefixes: [1, 2], normalizeAnswer: (text) => text }))
  const { meta, queries: read, report } = await readRlData(path)
  expect(report.problems).toMatchObject({ errors: 0, warnings: 0 })
  expect([...report.shapes]).toEqual([['canonical', 20]])
  expect(meta).toMatchObject({
    schema: 'lever-rl',
    schema_version: '5.0',
    index_space: 'global',
    shot_num: 2,
    pool_size: 16,
    prefix_shots: [1, 2],
    protocol: { hash: 'p1' },
  })
  expect(read.map(({ query_id }) => query_id)).toEqual(queries.map(({ id }) => id))
  for (const query of read) {
    expect(query.candidate_pool_ids).toHaveLength(16)
    expect(query.pointer_candidates.map(({ rank }) => rank)).toEqual([...Array(12).keys()])
    expect(query.pointer_candidates.every(({ shots }) => shots?.length === 2)).toBe(true)
  }
})

test('the pointers of RL data, and of a plain file, can be proposed again', async () => {
  const path = freshPath()
  await measure(toyOptions(path))
  const { queries: read } = await readRlData(path)
  const file = await readPointers(path)
  expect([...file.keys()]).toEqual(queries.map(({ id }) => id))
  const asked = read.map((query) => ({ queryId: query.query_id, poolIds: query.candidate_pool_ids! }))
  const groups = await proposePointers({ queries: asked, shots: 2, mix: [{ method: 'file' }], file })
  for (const [i, group] of groups.entries()) {
    const ids = group.map(({ pointer }) => pointer.map((position) => asked[i]!.poolIds[position]))
    expect(ids).toEqual(read[i]!.pointer_candidates.map(pointerIds))
  }
  const plain = freshPath('pointers.json')
  await writeFile(plain, '{"7": [[1, 2], [2, 1]], "9": []}')
  expect(await readPointers(plain)).toEqual(
    new Map([
      [
        7,
        [
          [1, 2],
          [2, 1],
        ],
      ],
      [9, []],
    ]),
  )
  expect(linesOf(path)).toHaveLength(260)
})

test.each([
  ['{"x": [[1]]}', /key "x" is not a query id/],
  ['{"1": [[1], 2]}', /pointers of query 1 are not lists of ids/],
  ['{', /pointers.json/],
])('a pointer file of %s is refused', async (text, message) => {
  const path = freshPath('pointers.json')
  await writeFile(path, text)
  await expect(readPointers(path)).rejects.toThrow(message)
  await expect(readPointers(`${path}.none`)).rejects.toThrow(/ENOENT/)
})
