import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { answerProbability, infoScore, infoScoreKinds, openVqaModel } from '../src/index.ts'
import { bundledExamples, bundledModel } from './support/world.ts'

test('P is the geometric mean of the probabilities of the tokens', () => {
  expect(answerProbability({ logProb: Math.log(0.5) + Math.log(0.125), tokens: 2 })).toBeCloseTo(0.25, 12)
  expect(answerProbability({ logProb: 0, tokens: 3 })).toBe(1)
  expect(answerProbability({ logProb: -5000, tokens: 2 })).toBe(0)
})

test('the gain in probability, and in log-probability a token', () => {
  const [after, before] = [
    { logProb: 2 * Math.log(0.9), tokens: 2 },
    { logProb: 2 * Math.log(0.3), tokens: 2 },
  ]
  expect(infoScore(after, before)).toBeCloseTo(0.6, 12)
  expect(infoScore(before, after)).toBeCloseTo(-0.6, 12)
  expect(infoScore(after, before, 'log-probability')).toBeCloseTo(Math.log(3), 12)
  expect(infoScore(after, after)).toBe(0)
})

test('scores of answers of different lengths do not compare', () => {
  expect(() => infoScore({ logProb: -1, tokens: 2 }, { logProb: -1, tokens: 3 })).toThrow(
    /one has 2 tokens and the other 3/,
  )
})

test('steps add up to the whole, and both kinds agree on the order', () => {
  const logProb = fc.double({ min: -30, max: 0, noNaN: true })
  fc.assert(
    fc.property(logProb, logProb, logProb, fc.integer({ min: 1, max: 6 }), (a, b, c, tokens) => {
      const [x, y, z] = [a, b, c].map((each) => ({ logProb: each, tokens })) as [S, S, S]
      for (const kind of infoScoreKinds) {
        expect(infoScore(z, y, kind) + infoScore(y, x, kind)).toBeCloseTo(infoScore(z, x, kind), 9)
        if (a !== b) expect(Math.sign(infoScore(x, y, kind)) * Math.sign(a - b)).toBeGreaterThanOrEqual(0)
      }
    }),
  )
})

type Example = ReturnType<typeof bundledExamples>[number]

interface S {
  logProb: number
  tokens: number
}

test('a demonstration that tells the answer gains much, one that does not gains little', async () => {
  const model = await openVqaModel({ backend: 'onnx', model: bundledModel })
  const [{ answer, ...query }, ...others] = bundledExamples('train', 200) as [Example, ...Example[]]
  const telling = others.find((example) => example.answer === answer)!
  const misleading = others.find(
    (example) => example.question === telling.question && example.answer !== answer,
  )!
  const answers = await model.answer(
    [[], [telling], [misleading]].map((demonstrations) => ({
      demonstrations,
      query,
      scoreAnswers: [answer],
    })),
  )
  const [none, told, other] = answers.map(({ scores }) => scores![0]!)
  expect(told!.tokens).toBe(2)
  expect(infoScore(told!, none!)).toBeGreaterThan(0.5)
  expect(infoScore(told!, none!)).toBeGreaterThan(infoScore(other!, none!) + 0.3)
  await model.close()
})
