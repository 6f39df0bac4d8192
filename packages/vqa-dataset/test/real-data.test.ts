import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from '@jest/globals'
import { readDataset } from '../src/index.ts'

const folder = fileURLToPath(new URL('../../../../shared/data/vqav2-subset/', import.meta.url))
const isThere = existsSync(folder)
const title = 'VQA v2 subset, 8,977 questions'

const describeIfThere = isThere ? describe : describe.skip
describeIfThere(isThere ? title : `${title} (skipped: ${folder} is absent)`, () => {
  test('as a dataset', async () => {
    const dataset = await readDataset({
      questions: `${folder}questions.json`,
      annotations: `${folder}annotations.json`,
    })
    expect(dataset).toMatchObject({ name: 'mscoco', split: 'train2014', missingImages: 0 })
    expect(dataset.examples).toHaveLength(8977)
    expect(dataset.examples.every(({ answers }) => answers.length === 10)).toBe(true)
    expect(dataset.examples[0]).toEqual({
      id: 413918000,
      questionId: 413918000,
      imageId: 413918,
      question: 'What insurance company is a sponsor?',
      answers: Array<string>(10).fill('state farm'),
      answer: 'state farm',
      questionType: 'what',
      answerType: 'other',
    })
  })
})
