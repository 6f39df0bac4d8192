import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { pipeline } from '../src/pipeline.ts'

test('from the dataset to a report, in few readable lines', async () => {
  const out = mkdtempSync(join(tmpdir(), 'lever-example-'))
  const { table } = await pipeline(out, { train: 24, test: 12 }, 2)
  const cells = table.map(({ selector, shots, n }) => `${selector} ${shots} ${n}`)
  expect(cells).toEqual([
    'random 1 12',
    'random 2 12',
    'rices-both 1 12',
    'rices-both 2 12',
    'mmr 1 12',
    'mmr 2 12',
    'pointer 1 12',
    'pointer 2 12',
  ])
  for (const { accuracy } of table) expect(accuracy).toBeGreaterThanOrEqual(0)
  expect(readFileSync(join(out, 'evaluation/report.html'), 'utf8')).toContain('<title>Evaluation')
  expect(readFileSync(join(out, 'rewards/rl-data.jsonl'), 'utf8').split('\n')).toHaveLength(
    2 + 24 + 24 * 24 + 1,
  )

  const source = readFileSync(new URL('../src/pipeline.ts', import.meta.url), 'utf8').split('\n')
  expect(source.length).toBeLessThanOrEqual(80)
}, 120_000)
