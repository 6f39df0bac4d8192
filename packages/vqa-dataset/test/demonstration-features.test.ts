import { expect, test } from '@jest/globals'
import { DEMONSTRATION_FEATURES, demonstrationFeatures } from '../src/index.ts'

const featuresOf = (answer: string, question = 'What is it?', context?: string): Record<string, number> => {
  const values = demonstrationFeatures({ answer, question, ...(context !== undefined && { context }) })
  return Object.fromEntries(DEMONSTRATION_FEATURES.map((name, i) => [name, values[i]!]))
}

test.each([
  ['Yes', { 'yes-no': 1, number: 0 }],
  ['no.', { 'yes-no': 1, number: 0 }],
  ['42', { 'yes-no': 0, number: 1 }],
  ['two', { 'yes-no': 0, number: 1 }],
  ['fire truck', { 'yes-no': 0, number: 0, words: 0.5, letters: 10 / 24 }],
  ['a very long answer with many words in it', { words: 1, letters: 1 }],
  ['', { 'yes-no': 0, number: 0, words: 0, letters: 0, 'in-question': 0, 'in-context': 0 }],
])('type and length of "%s"', (answer, expected) => {
  expect(featuresOf(answer)).toMatchObject(expected)
})

test('whether the answer stands in the question or in the context, as whole words', () => {
  expect(featuresOf('dog', 'What does the dog eat?', 'A cat, sleeping.')).toMatchObject({
    'in-question': 1,
    'in-context': 0,
  })
  expect(featuresOf('Fire truck', 'What is red?', 'A big fire truck, parked.')['in-context']).toBe(1)
  expect(featuresOf('cat', 'What is it?', 'a category of things')['in-context']).toBe(0)
  expect(featuresOf('cat')['in-context']).toBe(0)
})

test('all columns lie between 0 and 1 and have names of their own', () => {
  expect(new Set(DEMONSTRATION_FEATURES).size).toBe(DEMONSTRATION_FEATURES.length)
  for (const answer of ['', 'yes', '1,000', 'x'.repeat(200), 'a b c d e f g h']) {
    for (const value of demonstrationFeatures({ answer, question: answer, context: answer })) {
      expect(value).toBeGreaterThanOrEqual(0)
      expect(value).toBeLessThanOrEqual(1)
    }
  }
})
