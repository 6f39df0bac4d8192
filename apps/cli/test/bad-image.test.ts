import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { lever, scratch } from './support/lever.ts'
import { smallWorld } from './support/world.ts'

test('one unreadable image fails its outcomes, named with the example, and not the run', async () => {
  const folder = join(scratch(), 'world')
  const { questions } = smallWorld(folder, 'train', 12, { copyImages: true })
  const broken = questions.questions[0]!.image_id
  const image = join(folder, 'images', `${broken}.png`)
  writeFileSync(image, readFileSync(image).subarray(0, 100))
  const out = join(scratch(), 'rl')
  const options = ['--pool-size', '4', '--queries', '12', '--workers', '1', '--seed', '1']
  const strict = await lever(['generate', '--dataset', folder, ...options, '--out', out])
  expect(strict.code).toBe(2)
  expect(strict.stderr).toContain(`cannot read the image ${image}: `)
  expect(strict.stderr).toContain('record such outcomes as errors with --no-strict')
  const ran = await lever(['generate', '--dataset', folder, '--no-strict', ...options, '--out', `${out}-2`])
  expect(ran.code).toBe(0)
  expect(ran.stdout).toContain(`the first failure: vqa-model: cannot read the image ${image}: `)
  expect(existsSync(join(`${out}-2`, 'rl-data.json'))).toBe(true)

  const concerned = new Set(
    questions.questions.filter(({ image_id }) => image_id === broken).map(({ question_id }) => question_id),
  )
  const text = readFileSync(join(`${out}-2`, 'rl-data.jsonl'), 'utf8')
  const failed = text.split('\n').filter((line) => line.includes('"vqa_eval_mode":"error"'))
  expect(failed.length).toBeGreaterThan(0)
  for (const line of failed) {
    expect(line).toContain(`cannot read the image ${image}: `)
    const id = Number(/\(the image of example (\d+)\)/.exec(line)?.[1])
    expect(concerned.has(id)).toBe(true)
  }
  expect(text.split('\n').filter((line) => line.includes('"vqa_eval_mode":"file"')).length).toBeGreaterThan(
    20,
  )
})
