import { expect, test } from '@jest/globals'
import { readFileSync } from 'node:fs'
import { encodeRlData, parseRlData } from '../src/index.ts'
import { fuzz, small } from './fuzz-run.ts'

const folder = new URL('../../../fixtures/golden/rl-dataset/', import.meta.url)
const files = ['global', 'pos', 'local'].map((style) =>
  small(readFileSync(new URL(`rl_${style}.json`, folder))),
)
const beams = new TextEncoder().encode(
  '{"7":{"id_list":[[4,5,7]],"score_list":[0.5],"beams":[{"shots":[{"id":4,"score":1}]}]}}',
)
const journal = encodeRlData(parseRlData(files[2]!), { format: 'jsonl' }).bytes

test('a thousand damaged files: read, or refused with our own error, at once', () => {
  const result = fuzz([...files, beams, journal], 1000)
  expect(result.crashes).toEqual([])
  expect(result.refused).toBeGreaterThan(300)
  expect(result.accepted).toBeGreaterThan(30)
  expect(result.slowestMs).toBeLessThan(5000)
})
