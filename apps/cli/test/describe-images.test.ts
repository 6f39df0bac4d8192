import { linkSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import type { ImageCheckup } from '@lever/vqa-dataset'
import { lever, scratch } from './support/lever.ts'

const PNG = readFileSync(
  join(import.meta.dirname, '../../../fixtures/golden/pixels/images/transparent-rgb.png'),
)

function datasetOf(images: readonly string[]): string {
  const folder = scratch()
  mkdirSync(join(folder, 'images'))
  const lines = images.map((image) => JSON.stringify({ image, question: 'what?', answers: ['a'] }))
  writeFileSync(join(folder, 'questions.jsonl'), lines.join('\n'))
  return folder
}

async function checkOf(...args: string[]): Promise<ImageCheckup> {
  const { code, stdout } = await lever(['data', 'describe', ...args, '--json'], {
    env: { LEVER_CACHE: scratch() },
  })
  expect(code).toBe(0)
  return (JSON.parse(stdout) as { imageCheck: ImageCheckup }).imageCheck
}

test('data describe lists images that are cut off, no image, copies of such, or not there, each with its line', async () => {
  const names = ['whole', 'cut', 'text', 'gone', 'copy', 'cut'].map((name) => `images/${name}.png`)
  const folder = datasetOf(names)
  const path = (name: string): string => join(folder, 'images', `${name}.png`)
  writeFileSync(path('whole'), PNG)
  writeFileSync(path('cut'), PNG.subarray(0, PNG.length / 2))
  writeFileSync(path('copy'), PNG.subarray(0, PNG.length / 2))
  writeFileSync(path('text'), 'no image')
  const file = join(folder, 'questions.jsonl')
  const reason = expect.stringMatching(/^cannot be read: ./) as unknown
  expect(await checkOf(folder)).toEqual({
    files: 4,
    checked: 4,
    missing: 1,
    unreadable: 3,
    first: [
      { image: path('cut'), reason, file, place: 'line 2', questions: 2 },
      { image: path('text'), reason, file, place: 'line 3', questions: 1 },
      { image: 'images/gone.png', reason: 'not found', file, place: 'line 4', questions: 1 },
      { image: path('copy'), reason, file, place: 'line 5', questions: 1 },
    ],
  })
  const { stdout, code } = await lever(['data', 'describe', folder])
  expect(code).toBe(0)
  expect(stdout).toContain('unreadable image files: 3; images without a file: 1')
  expect(stdout).toContain(`${file}: line 3: ${path('text')}: cannot be read: it is not an image`)
  expect(stdout).toContain(`${file}: line 4: images/gone.png: not found`)
  writeFileSync(file, readFileSync(file, 'utf8').split('\n')[0]!)
  expect((await lever(['data', 'describe', folder])).stdout).toContain('all of them can be read')
})

test('of very many images a sample is read, the same each time, and all with --all-images', async () => {
  const count = 5001
  const names = Array.from({ length: count }, (_, i) => `images/${i}.png`)
  const folder = datasetOf(names)
  writeFileSync(join(folder, names[0]!), 'no image')
  for (const name of names.slice(1)) linkSync(join(folder, names[0]!), join(folder, name))
  const sample = await checkOf(folder)
  expect(sample).toMatchObject({ files: count, checked: 200, unreadable: 200, missing: 0 })
  expect(sample.first).toHaveLength(20)
  expect(await checkOf(folder)).toEqual(sample)
  const all = await checkOf(folder, '--all-images')
  expect(all).toMatchObject({ checked: count, unreadable: count })
  expect(all.first.map(({ place }) => place)).toEqual(Array.from({ length: 20 }, (_, i) => `line ${i + 1}`))
  const { stdout } = await lever(['data', 'describe', folder])
  expect(stdout).toContain(`image files read: 200 of ${count}, a random sample; --all-images reads all`)
  expect(stdout).toContain('  and 180 more')
  expect(stdout).toContain('files that look alike are looked for with --all-images')
  expect(stdout).not.toContain('no two others look alike')
}, 180_000)

test('data describe reads images outside the dataset where that is allowed', async () => {
  const outside = join(scratch(), 'one.png')
  writeFileSync(outside, PNG)
  const folder = datasetOf([outside])
  const refused = await lever(['data', 'describe', folder])
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('--allow-outside-images')])
  expect(await checkOf(folder, '--allow-outside-images')).toMatchObject({ files: 1, checked: 1, first: [] })
})
