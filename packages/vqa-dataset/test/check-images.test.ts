import { mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { checkImages, formatImageCheckup, locateDataset, readDataset } from '../src/index.ts'

test('images of official questions are named by id where they are not there, and only the chosen files are read', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'vqa-check-'))
  await mkdir(join(folder, 'images'))
  const questions = [7, 8, 9, 7].map((image, i) => ({ question_id: i, image_id: image, question: 'what?' }))
  const file = join(folder, 'questions.json')
  await writeFile(file, JSON.stringify({ questions }))
  const path = (id: number): string => join(folder, 'images', `${id}.png`)
  await writeFile(path(7), 'seven')
  await writeFile(path(9), 'nine')
  const dataset = await readDataset(await locateDataset(folder))
  const read: string[] = []
  const found = await checkImages(dataset, {
    read(one) {
      read.push(one)
      return Promise.reject(new Error('it is a\nnumber'))
    },
    choose: (paths) => paths.slice(0, 1),
  })
  expect(read).toEqual([path(7)])
  const reason = 'cannot be read: it is a\nnumber'
  expect(found).toEqual({
    files: 2,
    checked: 1,
    missing: 1,
    unreadable: 1,
    first: [
      { image: path(7), reason, file, place: 'questions[0]', questions: 2 },
      { image: '8', reason: 'not found', file, place: 'questions[1]', questions: 1 },
    ],
  })
  expect(formatImageCheckup(found).split('\n').slice(2)).toEqual([
    `  ${file}: questions[0]: ${path(7)}: cannot be read: it is a\\nnumber (2 questions)`,
    `  ${file}: questions[1]: 8: not found`,
  ])
})
