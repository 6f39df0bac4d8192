import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import {
  answerSimilarity,
  distinctAnswers,
  expectedAccuracy,
  scoreAnswer,
  sequenceSimilarity,
} from '../src/index.ts'

describe('sequenceSimilarity', () => {
  // Python 3.11: difflib.SequenceMatcher(None, a, b, autojunk=False).ratio()
  test.each([
    ['red', 'red', 1],
    ['red', 'dark red', 0.5454545454545454],
    ['tide', 'diet', 0.25],
    ['abcd', 'bcde', 0.75],
    ['private thread', 'private volatile thread', 0.7567567567567568],
    ['yes', 'no', 0],
    ['blue', 'bleu', 0.75],
    ['2 cats', 'cats 2', 0.6666666666666666],
    ['', '', 1],
    ['', 'x', 0],
  ])('%s, %s: %d', (a, b, ratio) => {
    expect(sequenceSimilarity(a, b)).toBeCloseTo(ratio, 12)
  })

  test('is 1 for equal texts alone, and in 0..1', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 30 }), fc.string({ maxLength: 30 }), (a, b) => {
        const ratio = sequenceSimilarity(a, b)
        expect(ratio).toBeGreaterThanOrEqual(0)
        expect(ratio === 1).toBe(a === b)
      }),
    )
  })
})

describe('answerSimilarity', () => {
  test('takes the nearest answer, normalised', () => {
    expect(answerSimilarity('A dark red.', ['blue', 'Red', 'light red'])).toEqual({
      tokenF1: 2 / 3,
      editSimilarity: expect.closeTo(0.5454545454, 9),
      similarity: 2 / 3,
    })
    expect(answerSimilarity('two', ['2'])).toEqual({ tokenF1: 1, editSimilarity: 1, similarity: 1 })
    expect(answerSimilarity('red red', ['red'])).toMatchObject({ tokenF1: 2 / 3 })
  })

  test('of nothing is 0', () => {
    const nothing = { tokenF1: 0, editSimilarity: 0, similarity: 0 }
    for (const [said, answers] of [
      ['', ['red']],
      ['the', ['red']],
      ['red', []],
      ['yes', ['no', 'no']],
    ] as const) {
      expect(answerSimilarity(said, answers)).toEqual(nothing)
    }
    expect(answerSimilarity('red', ['', 'the'])).toEqual(nothing)
  })
})

describe('expectedAccuracy', () => {
  const answers = ['red', 'red', 'red', ' red', 'red', 'dark red', 'dark red', 'orange', 'Red', '']
  const accuracyOf = (answer: string): number => scoreAnswer(answer, answers).accuracy

  test('answers to score: different ones, the most frequent first', () => {
    expect(distinctAnswers(answers)).toEqual(['red', 'dark red', 'orange', 'Red'])
    expect(distinctAnswers([])).toEqual([])
  })

  test('weighs every answer by the metric', () => {
    const p = { red: 0.5, 'dark red': 0.25, orange: 0.125 }
    const scores = Object.entries(p).map(([answer, prob]) => ({ answer, logProb: Math.log(prob) }))
    expect(expectedAccuracy(scores, accuracyOf)).toBeCloseTo(0.5 * 1 + 0.25 * 0.6 + 0.125 * 0.3, 12)
    expect(expectedAccuracy([], accuracyOf)).toBe(0)
    expect(expectedAccuracy([{ answer: 'red', logProb: 1e-9 }], accuracyOf)).toBe(1)
    expect(expectedAccuracy([{ answer: 'red', logProb: -Infinity }], accuracyOf)).toBe(0)
  })
})
