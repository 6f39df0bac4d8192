import { scoreAnswer } from '@lever/vqa-eval'
import type { AnswerFunction, Example, ExamplePrompt, ScoreFunction } from '../src/types.ts'

const SHAPES = ['circle', 'square', 'star', 'cross']
const COLOURS = ['red', 'green', 'blue', 'pink']

/**
 * A world in which demonstrations decide: the answer to (shape s, colour c) is the word of s and the word of c, and
 * nobody can know a word without having seen a demonstration that holds it.
 */
export function toyQuestion(id: number, shape: number, colour: number): Example {
  const answer = `blick${shape} dax${colour}`
  return {
    id,
    questionId: id,
    imageId: `${SHAPES[shape]!}-${COLOURS[colour]!}`,
    question: `What does the ${COLOURS[colour]!} ${SHAPES[shape]!} eat?`,
    answer,
    answers: new Array<string>(10).fill(answer).fill(`blick${shape}`, 8),
    questionType: 'what does',
    answerType: shape % 2 === 0 ? 'other' : 'number',
  }
}

export const toyQuestions = (count: number, first: number): Example[] =>
  Array.from({ length: count }, (_, i) => toyQuestion(first + i, (i * 7 + 1) % 4, (i * 3 + (i >> 2)) % 4))

/** Gives each word that some demonstration holds, `?` for the others. Later demonstrations do not matter. */
export function toyReply({ demonstrations, query }: ExamplePrompt): string {
  const seen = new Set(demonstrations.flatMap(({ answer }) => answer.split(' ')))
  const words = query.answer.split(' ').map((word) => (seen.has(word) ? word : '?'))
  return words.filter((word) => word !== '?').join(' ')
}

export interface ToyModel {
  readonly answer: AnswerFunction
  /** The prompts of every call, as `query:demonstrations`. */
  readonly calls: string[][]
}

export function toyModel(reply: (prompt: ExamplePrompt) => string = toyReply): ToyModel {
  const calls: string[][] = []
  return {
    calls,
    answer: (prompts) => {
      calls.push(prompts.map((p) => `${p.query.id}:${p.demonstrations.map(({ id }) => id).join(',')}`))
      return Promise.resolve(prompts.map((prompt) => ({ text: reply(prompt) })))
    },
  }
}

export const officialScore: ScoreFunction = (prediction, { answers }) => ({
  accuracy: scoreAnswer(prediction, answers).accuracy,
  mode: 'file',
})
