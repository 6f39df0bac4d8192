import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { beforeAll, expect, test } from '@jest/globals'
import { lever, scratch } from './support/lever.ts'

const root = scratch()
const at = (name: string): string => join(root, name)

beforeAll(() => {
  mkdirSync(root, { recursive: true })
  const beams = (query: number, ...scores: number[]): object => ({
    id_list: scores.map((_, i) => [3 + i, 9, query]),
    score_list: scores,
  })
  writeFileSync(at('beams.json'), JSON.stringify({ 1: beams(1, 0.5, 0.2), 2: beams(2, 0.1, 0.1) }))
})

test('data describe takes the InfoScore of beams as their reward, and other modes when asked', async () => {
  const plain = await lever(['data', 'describe', at('beams.json'), '--json'])
  expect(JSON.parse(plain.stdout)).toMatchObject({
    rewards: { mode: 'legacy', informative: 1, flat: 1, unusable: 0 },
  })
  const asked = await lever(['data', 'describe', at('beams.json'), '--reward-mode', 'soft_only'])
  expect(asked.stdout).toContain('mode soft_only needs vqa_acc_score, which candidate 0 does not have')
})

test('score takes the questions of a list of images', async () => {
  const row = (id: number): object => ({
    question_id: id,
    image_id: 10 + (id % 2),
    question_type: 'what',
    answer_type: 'other',
    answers: Array.from({ length: 10 }, (_, i) => ({ answer: i < 5 ? 'cat' : 'dog', answer_id: i + 1 })),
  })
  const answers = [1, 2, 3].map((id) => ({ question_id: id, answer: id === 2 ? 'cat' : 'bird' }))
  writeFileSync(at('annotations.json'), JSON.stringify({ annotations: [1, 2, 3].map(row) }))
  writeFileSync(at('results.json'), JSON.stringify(answers))
  writeFileSync(at('images.txt'), '10\n')
  const args = ['score', '--annotations', at('annotations.json'), '--results', at('results.json'), '--json']
  const { stdout } = await lever([...args, '--image-ids', at('images.txt')])
  expect(JSON.parse(stdout)).toMatchObject({ n: 1, overall: 100 })
})

test('data convert writes what the name says: a packed journal', async () => {
  const out = at('beams.jsonl.gz')
  expect(await lever(['data', 'convert', at('beams.json'), '--out', out])).toMatchObject({ code: 0 })
  expect(gunzipSync(readFileSync(out)).toString()).toMatch(/^{"journal":1,/)
  const { stdout } = await lever([
    'data',
    'filter',
    out,
    '--filters',
    'not_empty',
    '--out',
    at('kept.json.gz'),
  ])
  expect(stdout).toContain('kept 2 of 2 queries, 4 of 4 candidates')
  expect(gunzipSync(readFileSync(at('kept.json.gz'))).toString()).toMatch(/^{\n"_meta"/)
})
