import { readFile, writeFile } from 'node:fs/promises'
import { describe, expect, test } from '@jest/globals'
import { pointerIds } from '@lever/rl-dataset'
import { readRlData } from '@lever/rl-dataset/node'
import { mergeShards, proposePointers, readPointers, writeRlData, type AnswerFunction } from '../src/index.ts'
import { freshPath, linesOf, measure, queries, scripted, toyOptions } from './scripted.ts'

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

describe('the canonical JSON', () => {
  const jsonOf = async (journal: string): Promise<string> => {
    const out = freshPath('rl.json')
    expect(await writeRlData({ journal, out })).toEqual({ queries: 20, candidates: 240 })
    return readFile(out, 'utf8')
  }
  const reference = (async () => {
    const path = freshPath()
    await measure(toyOptions(path, { imageBudget: 1 }))
    return jsonOf(path)
  })()

  test('is the same for 1, 2 and 4 calls at a time and for an interrupted run', async () => {
    for (const concurrency of [2, 4]) {
      const path = freshPath()
      let calls = 0
      const answer: AnswerFunction = (prompts, options) =>
        ++calls === 9 ? Promise.reject(new Error('cut')) : scripted(prompts, options)
      await expect(measure(toyOptions(path, { concurrency, answer }))).rejects.toThrow('cut')
      await measure(toyOptions(path, { concurrency }))
      expect(await jsonOf(path)).toBe(await reference)
    }
  })

  test.each([1, 2, 7])('is the same for %i merged shards', async (count) => {
    const paths = Array.from({ length: count }, (_, index) => freshPath(`${index}.jsonl`))
    for (const [index, path] of paths.entries()) await measure(toyOptions(path, { shard: { index, count } }))
    const out = freshPath('merged.jsonl')
    await mergeShards({ paths, out })
    expect(await jsonOf(out)).toBe(await reference)
  })

  test('is read back as the journal is', async () => {
    const path = freshPath()
    await measure(toyOptions(path))
    const out = freshPath('rl.json')
    await writeRlData({ journal: path, out })
    const [json, journal] = [await readRlData(out), await readRlData(path)]
    expect(json.queries.map(({ query_id }) => query_id)).toEqual(
      journal.queries.map(({ query_id }) => query_id),
    )
    expect(json.queries.map((query) => query.pointer_candidates.map(pointerIds))).toEqual(
      journal.queries.map((query) => query.pointer_candidates.map(pointerIds)),
    )
  })
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
