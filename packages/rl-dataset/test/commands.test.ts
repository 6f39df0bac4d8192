import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { encodeRlData, parseRlData } from '../src/index.ts'
import {
  convertFile,
  describeFile,
  encodeRlFile,
  filterFile,
  mergeFiles,
  readRlData,
  validateFile,
  writeRlData,
} from '../src/node.ts'

const golden = (name: string): string =>
  fileURLToPath(new URL(`../../../fixtures/golden/rl-dataset/${name}`, import.meta.url))
let folder: string
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'rl-commands-'))))
afterAll(() => rmSync(folder, { recursive: true }))
const at = '2026-01-01T00:00:00Z'

test('describe', async () => {
  const { json, text } = await describeFile(golden('rl_local.json'))
  expect(json).toMatchObject({ shapes: { L7: 25 }, queries: 25, candidates: 141, pool: { given: 25 } })
  expect(text).toContain('52 % of the groups teach nothing: in 29 % every answer is wrong')
})

test('validate', () => {
  expect(validateFile(golden('rl_pos.json')).json).toMatchObject({ errors: 0, queries: 25, candidates: 148 })
  const path = join(folder, 'bad.json')
  writeFileSync(path, '{"1":{"query":{},"pointer_candidates":[{"pointer":[1]}]}')
  expect(validateFile(path)).toMatchObject({
    json: { errors: 1 },
    text: expect.stringContaining('line 1, column 57 (byte 56): the text ends where'),
  })
  writeFileSync(path, '{"1":{"query":{},"pointer_candidates":[{"pointer":[1]}]}}')
  expect(validateFile(path).text).toContain('query 1, candidate 0: pointer 1 is the query itself')
})

test('convert: the same groups from every form, nothing overwritten, the same bytes again', async () => {
  const original = await readRlData(golden('rl_local.json'))
  for (const name of ['c.json', 'c.jsonl', 'c.json.gz', 'c.jsonl.gz']) {
    const to = join(folder, name)
    const { text } = await convertFile(golden('rl_local.json'), to, { at })
    expect(text).toMatch(/\(L7 25\) -> .*: 25 queries, 141 candidates$/)
    const data = await readRlData(to)
    expect(data.queries.map(({ pointer_candidates }) => pointer_candidates.length)).toEqual(
      original.queries.map(({ pointer_candidates }) => pointer_candidates.length),
    )
    expect(data.meta).toMatchObject({ shot_num: 2, history: [{ op: 'convert', at }] })
    await expect(convertFile(golden('rl_local.json'), to)).rejects.toThrow(
      'is there already; nothing is overwritten',
    )
    const before = readFileSync(to)
    await convertFile(golden('rl_local.json'), to, { at, overwrite: true })
    expect(readFileSync(to).equals(before)).toBe(true)
  }
  const { json } = await convertFile(golden('rl_global.json'), join(folder, 'o.json'), { format: 'original' })
  expect(json).toMatchObject({ shapes: { L5: 25 }, queries: 25, dropped: {} })
})

test('filter, then merge with what was left', async () => {
  const [a, b, both] = ['a.json', 'b.json', 'both.json'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ]
  const source = golden('rl_local.json')
  await filterFile(source, a, [{ name: 'queries', params: { ids: ['1', '2'] } }, { name: 'deduplicate' }], {
    at,
    seed: 1,
  })
  const { text } = await filterFile(
    source,
    b,
    [{ name: 'queries', params: { ids: ['2', '3'] } }, { name: 'deduplicate' }],
    { at },
  )
  expect(text).toContain('kept 2 of 25 queries')
  const { json } = await mergeFiles([a, b], both, { at })
  expect(json).toMatchObject({ files: 2, queries: 3, sharedQueries: 1, conflicts: 0 })
  expect((await readRlData(both)).meta!.history!.map(({ op }) => op)).toEqual(['filter', 'filter', 'merge'])
  await expect(mergeFiles([a, golden('rl_global.json')], join(folder, 'x.json'))).rejects.toThrow(
    'has no _meta',
  )
  await expect(filterFile(source, join(folder, 'y.json'), [])).rejects.toThrow('no filter to apply')
})

test('the name of the file decides form and packing', () => {
  const data = parseRlData(readFileSync(golden('rl_pos.json')))
  const packed = encodeRlFile('x.jsonl.gz', data)
  expect(gunzipSync(packed.bytes).toString()).toMatch(/^{"journal":1,/)
  const json = encodeRlData(data).bytes
  expect(encodeRlFile('x.json', data).bytes).toEqual(json)
  expect(gunzipSync(encodeRlFile('x.json.gz', data).bytes)).toEqual(json)
})

test('a folder that does not exist', async () => {
  const data = await readRlData(golden('rl_pos.json'))
  await expect(writeRlData(join(folder, 'none', 'x.json'), data)).rejects.toThrow(
    expect.objectContaining({ code: 'LEVER_INPUT' }),
  )
})
