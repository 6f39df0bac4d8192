import { expect, test } from '@jest/globals'
import { openVqaModel } from '../src/index.ts'
import type { ExamplePrompt } from '../src/index.ts'
import { bundledModel, bundledExamples } from './support/world.ts'

const examples = bundledExamples('test', 3).map((example) => ({
  ...example,
  questionId: example.id,
  imageId: null,
  answers: [example.answer],
  // Selectors are functions and travel with prompts in an evaluation; no function can go to another thread.
  chosenBy: () => 0,
}))

test('a model is asked with examples as they are, and fails alone what has no image file', async () => {
  const [first, second, third] = examples
  const { id, question, answer, questionId, imageId, answers: given } = second!
  const gone = { id, question, answer, questionId, imageId, answers: given }
  const prompts: ExamplePrompt[] = [
    { demonstrations: [first!], query: third! },
    { demonstrations: [gone], query: third! },
    { demonstrations: [], query: gone },
  ]
  const model = await openVqaModel({ backend: 'onnx', model: bundledModel, workers: 2 })
  try {
    const answers = await model.answer(prompts)
    expect(answers[0]!.error).toBeUndefined()
    expect(answers[0]!.text).not.toBe('')
    const why = `example ${gone.id} has no image file; check the image folder`
    for (const failed of answers.slice(1)) {
      expect(failed).toEqual({ text: '', raw: '', error: why, kind: 'prompt' })
    }
    expect(await model.answer(prompts.slice(0, 1))).toEqual(answers.slice(0, 1))
  } finally {
    await model.close()
  }
}, 60_000)
