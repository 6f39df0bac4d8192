import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from '@jest/globals'
import { readDataset, scoreFiles } from '../src/node.ts'

const folder = fileURLToPath(new URL('../../../../shared/data/vqav2-subset/', import.meta.url))
const isThere = existsSync(folder)
const title = 'VQA v2 subset, 8,977 questions'

interface Expected {
  readonly overall: number
  readonly perAnswerType: Record<string, number>
  readonly perQuestionType: Record<string, number>
}

const describeIfThere = isThere ? describe : describe.skip
describeIfThere(isThere ? title : `${title} (skipped: ${folder} is absent)`, () => {
  const figures = [
    ['majority', 96.61],
    ['annotator3', 87.34],
    ['noisy', 76.83],
  ] as const

  test.each(figures)('%s', async (name, overall) => {
    const all = JSON.parse(readFileSync(`${folder}expected.json`, 'utf8')) as Record<string, Expected>
    const { evaluation } = await scoreFiles({
      annotations: `${folder}annotations.json`,
      questions: `${folder}questions.json`,
      results: `${folder}results-${name}.json`,
    })
    expect(evaluation.overall).toBe(overall)
    const { perAnswerType, perQuestionType } = evaluation
    expect({ overall, perAnswerType: { ...perAnswerType }, perQuestionType: { ...perQuestionType } }).toEqual(
      {
        overall: all[name]!.overall,
        perAnswerType: all[name]!.perAnswerType,
        perQuestionType: all[name]!.perQuestionType,
      },
    )
  })

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
