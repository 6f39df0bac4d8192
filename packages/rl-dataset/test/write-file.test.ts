import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { encodeRlData, parseRlData } from '../src/index.ts'
import { encodeRlFile, readRlData, writeRlData } from '../src/node.ts'

const golden = (name: string): string =>
  fileURLToPath(new URL(`../../../fixtures/golden/rl-dataset/${name}`, import.meta.url))
let folder: string
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'rl-write-'))))
afterAll(() => rmSync(folder, { recursive: true }))

test('every form holds the same groups, is not overwritten, and has the same bytes again', async () => {
  const data = await readRlData(golden('rl_local.json'))
  for (const name of ['c.json', 'c.jsonl', 'c.json.gz', 'c.jsonl.gz']) {
    const to = join(folder, name)
    expect(await writeRlData(to, data)).toMatchObject({ queries: 25, candidates: 141 })
    const read = await readRlData(to)
    expect(read.queries.map(({ pointer_candidates }) => pointer_candidates.length)).toEqual(
      data.queries.map(({ pointer_candidates }) => pointer_candidates.length),
    )
    await expect(writeRlData(to, data)).rejects.toThrow('is there already; nothing is overwritten')
    const before = readFileSync(to)
    await writeRlData(to, data, { overwrite: true })
    expect(readFileSync(to).equals(before)).toBe(true)
  }
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
