import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from '@jest/globals'
import { scoreFiles } from '../src/node.ts'

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
})
