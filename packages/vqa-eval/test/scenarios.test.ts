import { describe, expect, test } from '@jest/globals'
import { scoreFiles, type ScoreFilesOptions } from '../src/node.ts'
import { readScenarios, rejection, writeFiles, type Scenario } from './support.ts'

async function run(
  { annotations, questions, results, quesIds }: Scenario,
  more: Partial<ScoreFilesOptions> = {},
): ReturnType<typeof scoreFiles> {
  const files = await writeFiles({
    'annotations.json': annotations,
    'questions.json': questions,
    'results.json': results,
  })
  return scoreFiles({
    annotations: files['annotations.json'],
    questions: files['questions.json'],
    results: files['results.json'],
    ...(quesIds && { subset: { questionIds: quesIds } }),
    ...more,
  })
}

describe.each(readScenarios().map((scenario) => [scenario.name, scenario] as const))('%s', (_, scenario) => {
  const { official } = scenario
  const accuracy = official.accuracy ?? official.runs?.[0]?.accuracy
  if (accuracy) {
    test.each([1 << 20, 5])('official numbers, reading %i bytes at a time', async (chunkSize) => {
      const { evaluation } = await run(scenario, { chunkSize })
      expect(evaluation.overall).toBe(accuracy.overall)
      expect({ ...evaluation.perQuestionType }).toEqual(accuracy.perQuestionType)
      expect({ ...evaluation.perAnswerType }).toEqual(accuracy.perAnswerType)
      const evalQA = Array.from(evaluation.perQuestion, (score) => [score.questionId, score.accuracyPct])
      if (official.evalQA) expect(evalQA).toEqual(official.evalQA)
    })
  } else {
    test('a clean error', async () => {
      const error = await rejection(run(scenario))
      expect(error.name).toBe('InputError')
      expect(error.code).toBe('LEVER_INPUT')
      if (/^(Results do|results is)/.test(official.message ?? '')) {
        expect(error.message.startsWith(official.message!)).toBe(true)
      }
    })
  }
})

test('the same call twice gives the same number, where the official code overwrites its input', async () => {
  const scenario = readScenarios().find(({ name }) => name === 'evaluate_twice_mutation')!
  expect(scenario.official.runs!.map((official) => official.accuracy.overall)).toEqual([100, 0])
  for (let time = 0; time < 2; time++) expect((await run(scenario)).evaluation.overall).toBe(100)
})
