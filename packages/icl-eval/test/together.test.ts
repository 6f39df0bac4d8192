import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { evaluateAll } from '../src/run/evaluate-all.ts'
import type { EvaluateAllOptions } from '../src/run/evaluate-all.ts'
import { random } from '../src/selectors/random.ts'
import type { Answer, Example, ExamplePrompt } from '../src/types.ts'

const example = (id: number): Example => ({
  id,
  questionId: id,
  imageId: id,
  question: `Question ${id}?`,
  answer: 'yes',
  answers: ['yes', 'yes', 'yes', 'no'],
})
const queries = Array.from({ length: 6 }, (_, i) => example(i))
const pools = Array.from({ length: 4 }, (_, i) => example(100 + i))

const logProbOf = ({ query, demonstrations: [shown] }: ExamplePrompt): number =>
  -1 - query.id - shown!.id / 1000
const scoresOf = (prompt: ExamplePrompt): Pick<Answer, 'scores'> => ({
  scores: [{ answer: 'yes', logProb: logProbOf(prompt), tokens: 1 }],
})

interface Asked {
  readonly answers: number
  readonly scores: number
  readonly both: number
}

/** Evaluates random at one shot; how often the model was asked for what. */
async function evaluate(journal: string, together: boolean): Promise<{ asked: Asked; expected: unknown[] }> {
  const asked = { answers: 0, scores: 0, both: 0 }
  const answer =
    (what: keyof Asked): EvaluateAllOptions['answer'] =>
    (prompts) => {
      asked[what] += prompts.length
      return Promise.resolve(
        prompts.map((prompt) => ({
          text: what === 'scores' ? '' : 'no',
          ...(what === 'answers' ? {} : scoresOf(prompt)),
        })),
      )
    }
  const { rows } = await evaluateAll({
    ...{ queries, pools, selectors: [random()], shots: [1], seeds: [0], oracle: false, resamples: 100 },
    answer: answer('answers'),
    score: (text) => ({ accuracy: text === 'no' ? 0.3 : 0, mode: 'file' as const }),
    expected: {
      answer: answer('scores'),
      of: (_, { scores }) => Math.exp(scores![0]!.logProb),
      ...(together && { together: answer('both') }),
    },
    ...{ journal, protocol: 'p', data: 'd' },
  })
  expect(rows.map(({ accuracy }) => accuracy)).toEqual(queries.map(() => 0.3))
  return { asked, expected: rows.map(({ expected }) => expected) }
}

const journal = (): string => join(mkdtempSync(join(tmpdir(), 'together-')), 'answers.jsonl')

test('answers and probabilities are asked for at once where that is cheaper, with the same figures', async () => {
  const [apart, at] = [await evaluate(journal(), false), journal()]
  expect(apart.asked).toEqual({ answers: 6, scores: 6, both: 0 })
  const once = await evaluate(at, true)
  expect(once.asked).toEqual({ answers: 0, scores: 0, both: 6 })
  expect(once.expected).toEqual(apart.expected)
  expect(new Set(once.expected).size).toBe(6)
  expect(await evaluate(at, true)).toEqual({ ...once, asked: { answers: 0, scores: 0, both: 0 } })
})
