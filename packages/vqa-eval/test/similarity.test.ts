import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import {
  answerSimilarity,
  distinctAnswers,
  expectedScore,
  shareLeftOut,
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

  test('a bound keeps the most frequent, and of equals the first; what it leaves out is told', () => {
    expect(distinctAnswers(answers, 2)).toEqual(['red', 'dark red'])
    expect(distinctAnswers(answers, 3)).toEqual(['red', 'dark red', 'orange'])
    expect(distinctAnswers(['b', 'a', 'c', 'a', 'b'], 1)).toEqual(['b'])
    expect(shareLeftOut(answers, 2)).toBeCloseTo(2 / 9, 12)
    expect(shareLeftOut(answers, 4)).toBe(0)
    expect(shareLeftOut([], 1)).toBe(0)
  })

  test('alone, without an answer: digits by size, an error without probabilities', () => {
    const score = expectedScore()
    const question = { answers: Array<string>(10).fill('red') }
    const of = (p: number): number =>
      score('', question, { scores: [{ answer: 'red', logProb: Math.log(p) }] }).gtProb
    expect(of(0.123456)).toBe(0.1235)
    expect(of(0.0123456)).toBe(0.0123)
    expect(of(0.00123456)).toBe(0.00123)
    expect(of(1.23456e-7)).toBe(1.23e-7)
    expect(of(0)).toBe(0)
    expect(score('', question, { scores: [{ answer: 'blue', logProb: 0 }] })).toEqual({
      mode: 'file',
      gtProb: 0,
    })
    for (const answer of [{}, { scores: [] }]) {
      expect(() => score('', question, answer)).toThrow('the model gives no probabilities of answers')
    }
    const few = { answers: ['red'] }
    const scores = [{ answer: 'red', logProb: Math.log(0.5) }]
    expect(expectedScore({ allowFallback: true })('', few, { scores })).toEqual({
      mode: 'fallback',
      gtProb: 0.5,
    })
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
