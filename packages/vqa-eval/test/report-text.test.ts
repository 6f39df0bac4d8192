import { expect, test } from '@jest/globals'
import { evaluateResults, formatEvaluation } from '../src/index.ts'
import { question } from './support.ts'

test('names of types take one line each, whatever they hold', () => {
  const type = 'what\nOverall accuracy: 99.99\x1b[2J'
  const annotations = [question(1, 10, { question_type: type, answer_type: type })]
  const text = formatEvaluation(evaluateResults({ annotations, results: [{ question_id: 1, answer: 'no' }] }))
  expect(text.match(/^Overall accuracy:.*/gm)).toEqual(['Overall accuracy: 0.00'])
  expect(text).toContain('  what\\nOverall accuracy: 99.99\\x1b[2J    0.00  n = 1\n')
})

test('more question types than a call takes arguments', () => {
  const one = question(0, 10)
  const annotations = Array.from({ length: 150_000 }, (_, i) => ({
    ...one,
    question_id: i,
    question_type: `type ${i}`,
  }))
  const results = annotations.map(({ question_id }) => ({ question_id, answer: 'yes' }))
  const text = formatEvaluation(evaluateResults({ annotations, results }))
  expect(text.match(/^ {2}type \d+ +100.00 {2}n = 1$/gm)).toHaveLength(150_000)
})
