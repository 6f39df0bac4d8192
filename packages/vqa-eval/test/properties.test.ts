import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import {
  evaluateResults,
  evaluationJson,
  fallbackScore,
  normalizeAnswer,
  perQuestionLines,
  postprocessGeneration,
  roundHalfEven,
  SCORE_MODES,
  scoreAnswer,
} from '../src/index.ts'
import { question } from './support.ts'

const word = fc.constantFrom(
  'yes',
  'no',
  'Yes',
  ' yes',
  'a',
  'the cat',
  'cat',
  '2',
  'two',
  'x-ray',
  '1,000',
  '',
  'dont',
)
const anyText = fc.oneof(word, fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }))

describe('scoreAnswer', () => {
  test('does not depend on the order of the answers', () => {
    fc.assert(
      fc.property(
        anyText,
        fc
          .array(word, { minLength: 1, maxLength: 12 })
          .chain((answers) =>
            fc.tuple(fc.constant(answers), fc.shuffledSubarray(answers, { minLength: answers.length })),
          ),
        fc.constantFrom('official', 'always', 'aokvqa'),
        (prediction, [answers, shuffled], mode) => {
          const score = scoreAnswer(prediction, answers, { mode })
          const other = scoreAnswer(prediction, shuffled, { mode })
          expect(Math.abs(score.accuracy - other.accuracy)).toBeLessThanOrEqual(1e-12)
          expect(score.processed).toBe(other.processed)
        },
      ),
    )
  })

  test('never throws, is between 0 and 1, and leaves its input alone', () => {
    fc.assert(
      fc.property(
        anyText,
        fc.array(anyText, { minLength: 1, maxLength: 12 }),
        fc.constantFrom(...SCORE_MODES),
        (prediction, answers, mode) => {
          const before = [...answers]
          const options = { mode, allowFallback: true }
          const { accuracy, accuracyPct } = scoreAnswer(prediction, Object.freeze(answers), options)
          expect(accuracy).toBeGreaterThanOrEqual(0)
          expect(accuracy).toBeLessThanOrEqual(1)
          expect(accuracyPct).toBe(roundHalfEven(100 * accuracy))
          expect(answers).toEqual(before)
          expect(scoreAnswer(prediction, answers, options).accuracy).toBe(accuracy)
        },
      ),
    )
  })
})

describe('normalizeAnswer', () => {
  test('is idempotent on words without marks, as the official one is', () => {
    const character = fc.constantFrom(...Array.from("abcdehnotvwz0123456789' "))
    fc.assert(
      fc.property(fc.string({ unit: character, maxLength: 30 }), (text) => {
        expect(normalizeAnswer(normalizeAnswer(text))).toBe(normalizeAnswer(text))
      }),
    )
  })

  test('is not idempotent where the official one is not', () => {
    expect(normalizeAnswer('1,000-2')).toBe('10002')
    expect(normalizeAnswer('. 5')).toBe('5')
    expect(normalizeAnswer('a.-.5')).toBe('.5')
    expect(normalizeAnswer('.'.repeat(33))).toBe('.')
    expect(normalizeAnswer('.')).toBe('')
  })

  test('never throws; one space between words, none outside', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const normal = normalizeAnswer(text)
        expect(normal).not.toMatch(/^ | $| {2}/)
      }),
    )
  })
})

test('the other text functions never throw', () => {
  fc.assert(
    fc.property(anyText, fc.array(anyText), fc.boolean(), (text, answers, compatible) => {
      const { correct, accuracy } = fallbackScore(text, answers, { compatible })
      expect([0, 0.5, 1]).toContain(accuracy)
      expect(correct).toBe(accuracy > 0)
      expect(postprocessGeneration(text)).not.toMatch(/Question|Answer|Short/)
      expect(text.startsWith(postprocessGeneration(text))).toBe(true)
    }),
  )
})

test('roundHalfEven is within half a unit, and rounding its result changes nothing', () => {
  fc.assert(
    fc.property(
      fc.double({ min: -1e6, max: 1e6, noNaN: true }),
      fc.integer({ min: 0, max: 6 }),
      (value, digits) => {
        const rounded = roundHalfEven(value, digits)
        expect(Math.abs(rounded - value)).toBeLessThanOrEqual(0.5 * 10 ** -digits + 1e-9)
        expect(roundHalfEven(rounded, digits) - rounded).toBe(0)
      },
    ),
  )
})

test('an evaluation survives JSON, whatever the names of the types', () => {
  const name = fc.oneof(fc.constantFrom('__proto__', 'constructor', 'toString', '0', ''), fc.string())
  fc.assert(
    fc.property(fc.array(fc.tuple(name, name, anyText), { minLength: 1, maxLength: 20 }), (rows) => {
      const annotations = rows.map(([questionType, answerType], id) =>
        question(id, id % 11, { question_type: questionType, answer_type: answerType, image_id: id % 3 }),
      )
      const results = rows.map(([, , answer], id) => ({ question_id: id, answer }))
      const evaluation = evaluateResults({ annotations, results })
      const json = JSON.parse(JSON.stringify(evaluationJson(evaluation))) as Record<string, object>
      expect(json['overall']).toBe(evaluation.overall)
      expect(Object.entries(json['perQuestionType']!)).toEqual(Object.entries(evaluation.perQuestionType))
      expect(Object.keys(evaluation.perQuestionType).sort()).toEqual(
        [...new Set(rows.map(([type]) => type))].sort(),
      )
      const lines = [...perQuestionLines(evaluation)].map(
        (line) => JSON.parse(line) as Record<string, unknown>,
      )
      expect(lines.map((line) => [line['question_id'], line['accuracy'], line['accuracy_pct']])).toEqual(
        Array.from(evaluation.perQuestion, (score) => [score.questionId, score.accuracy, score.accuracyPct]),
      )
    }),
    { numRuns: 50 },
  )
})
