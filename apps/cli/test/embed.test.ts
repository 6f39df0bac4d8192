import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { lever, scratch } from './support/lever.ts'
import { smallWorld } from './support/world.ts'

const root = scratch()
const { folder, questions } = smallWorld(join(root, 'world'), 'train', 400, { copyImages: true })
const at = (name: string): string => join(root, name)
const embed = (out: string, ...more: readonly string[]): string[] => [
  ...['embed', '--dataset', folder, '--out', at(out), ...more],
]

test('an interrupted embedding is kept, and the same command continues it to the same bytes', async () => {
  expect((await lever(embed('whole'))).code).toBe(0)
  const journal = at('stopped.journal.jsonl')
  const lines = (): number => (existsSync(journal) ? readFileSync(journal, 'utf8').split('\n').length - 2 : 0)
  const stopped = await lever(embed('stopped'), { kill: [{ signal: 'SIGINT', when: () => lines() >= 2 }] })
  expect(stopped).toMatchObject({ code: 130, stdout: '' })
  expect(stopped.stderr).toContain('what was done is saved, and the same command continues it')
  expect(lines()).toBeGreaterThanOrEqual(2)
  expect(existsSync(at('stopped'))).toBe(false)
  expect((await lever(embed('stopped'))).code).toBe(0)
  expect(readFileSync(at('stopped')).equals(readFileSync(at('whole')))).toBe(true)
  expect(existsSync(journal)).toBe(false)
}, 120_000)

test('every unreadable image is listed at the end, the rest is kept, and they can be left out', async () => {
  const broken = [...new Set(questions.questions.map(({ image_id }) => image_id))].slice(3, 5)
  const examples = questions.questions.filter(({ image_id }) => broken.includes(image_id))
  const original = readFileSync(join(folder, 'images', `${broken[0]!}.png`))
  for (const id of broken) writeFileSync(join(folder, 'images', `${id}.png`), 'no image')
  const refused = await lever(embed('some'))
  expect(refused.code).toBe(2)
  for (const { question_id, image_id } of examples) {
    expect(refused.stderr).toMatch(new RegExp(`example ${question_id}: .*${image_id}\\.png`))
  }
  expect(refused.stderr).toContain('--skip-unreadable-images')
  expect(refused.stderr).toContain(`kept in ${at('some')}.journal.jsonl`)
  const skipped = await lever(embed('some', '--skip-missing-images', '--json'))
  expect(skipped.code).toBe(0)
  expect(JSON.parse(skipped.stdout)).toMatchObject({ rows: 400 - examples.length })
  for (const id of broken) writeFileSync(join(folder, 'images', `${id}.png`), original)
}, 120_000)
