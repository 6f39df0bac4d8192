import { appendFileSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { jsonLines, readJsonLines } from '../src/index.ts'

test('JSON lines longer than what is read at once come back; a torn last line is left out', async () => {
  const file = join(mkdtempSync(join(tmpdir(), 'lever-files-')), 'rows.jsonl')
  const rows = Array.from({ length: 300 }, (_, id) => ({ id, text: 'é'.repeat(10_000) }))
  const bytes = jsonLines(rows, 7)
  expect(Buffer.from(bytes).equals(Buffer.from(jsonLines(rows)))).toBe(true)
  expect(bytes.length).toBeGreaterThan(5 * 2 ** 20)
  writeFileSync(file, bytes)
  appendFileSync(file, '{"id":300,"te')
  expect(await readJsonLines(file)).toEqual(rows)
  appendFileSync(file, '\n')
  await expect(readJsonLines(file)).rejects.toThrow(`${file}:301 is not JSON`)
  writeFileSync(file, '')
  expect(await readJsonLines(file)).toEqual([])
})
