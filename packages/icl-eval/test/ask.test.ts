import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { openJournal } from '@lever/durable-files'
import { answerKey, createAsker } from '../src/ask.ts'
import type { AnswerFunction, Answer, ExamplePrompt } from '../src/types.ts'
import { toyQuestions } from './toy-world.ts'

const queries = toyQuestions(28, 1)
const pool = toyQuestions(2, 101)
const prompts: readonly ExamplePrompt[] = queries.map((query) => ({ query, demonstrations: [] }))

/** Answers one prompt a call; the one about `bad` fails at once, the others take a turn. */
const oneByOne =
  (bad: number): AnswerFunction =>
  async ([prompt]) => {
    if (prompt!.query.id === bad) return [{ text: '', error: 'the image is broken' }]
    await new Promise((done) => setTimeout(done, 1))
    return [{ text: `answer ${prompt!.query.id}` }]
  }

describe('answers are kept one by one', () => {
  let path: string
  beforeEach(async () => {
    path = join(await mkdtemp(join(tmpdir(), 'icl-eval-ask-')), 'answers.jsonl')
  })
  afterEach(async () => {
    await rm(join(path, '..'), { recursive: true })
  })
  const kept = async (): Promise<number> => (await readFile(path, 'utf8')).trim().split('\n').length - 1
  const open = (): ReturnType<typeof openJournal<Answer>> =>
    openJournal<Answer>({ path, header: {}, syncEvery: 1024 })

  test('one bad answer among 28 ends a strict run, and those on the way are kept', async () => {
    const journal = await open()
    const options = { journal, batchSize: 1, concurrency: 10, strict: true }
    const asking = createAsker({ ...options, answer: oneByOne(5) }).ask(prompts)
    await expect(asking).rejects.toMatchObject({
      code: 'LEVER_INPUT',
      message:
        'question 5 cannot be answered: the image is broken; repair it, or go on without it (--no-strict)',
    })
    expect(await kept()).toBeGreaterThanOrEqual(9)
    const again = createAsker({ ...options, answer: oneByOne(-1) })
    await again.ask(prompts)
    expect(again.stats().cached).toBeGreaterThanOrEqual(9)
    await journal.close()
    expect(await kept()).toBe(28)
  })

  test('within a batch too', async () => {
    const journal = await open()
    const answer: AnswerFunction = (batch) =>
      Promise.resolve(
        batch.map(({ query: { id } }) => (id === 5 ? { text: '', error: 'no' } : { text: 'x' })),
      )
    await expect(createAsker({ journal, answer, strict: true }).ask(prompts)).rejects.toThrow('question 5')
    await journal.close()
    expect(await kept()).toBe(27)
  })

  test('when 13 have come and the others never will', async () => {
    const journal = await open()
    let asked = 0
    const answer: AnswerFunction = () =>
      ++asked > 13 ? new Promise(() => undefined) : Promise.resolve([{ text: 'red' }])
    void createAsker({ journal, answer, batchSize: 1, concurrency: 4 }).ask(prompts)
    await expect(
      new Promise((done, fail) => {
        const started = Date.now()
        const look = (): void => {
          if (journal.size === 13) done(kept())
          else if (Date.now() - started > 5000) fail(new Error(`${journal.size} kept`))
          else setTimeout(look, 5)
        }
        look()
      }),
    ).resolves.toBe(13)
    await journal.close()
  })

  test('a server that fails ends the run after those on the way', async () => {
    const journal = await open()
    const answer: AnswerFunction = async ([prompt]) => {
      if (prompt!.query.id === 3) throw new Error('503')
      await new Promise((done) => setTimeout(done, 1))
      return [{ text: 'x' }]
    }
    await expect(createAsker({ journal, answer, batchSize: 1, concurrency: 4 }).ask(prompts)).rejects.toThrow(
      '503',
    )
    await journal.close()
    expect(await kept()).toBeGreaterThanOrEqual(3)
    expect(await kept()).toBeLessThan(28)
  })
})

test('batch size and concurrency are counts', () => {
  const answer: AnswerFunction = () => Promise.resolve([])
  expect(() => createAsker({ answer, batchSize: 0 })).toThrow('batchSize must be a positive integer, got 0')
  expect(() => createAsker({ answer, concurrency: 1.5 })).toThrow('concurrency must be a positive integer')
})

test('the key of an answer depends on protocol, query, demonstrations and their order', () => {
  const [query, other] = [queries[0]!, queries[1]!]
  const [a, b] = [pool[0]!, pool[1]!]
  const keys = [
    answerKey('p', { query, demonstrations: [a, b] }),
    answerKey('p', { query, demonstrations: [b, a] }),
    answerKey('p', { query: other, demonstrations: [a, b] }),
    answerKey('q', { query, demonstrations: [a, b] }),
    answerKey('p', { query, demonstrations: [a] }),
  ]
  expect(new Set(keys).size).toBe(5)
})

test('a model that loses prompts is an error', async () => {
  const asker = createAsker({ answer: () => Promise.resolve([]) })
  await expect(asker.ask([{ query: queries[0]!, demonstrations: [] }])).rejects.toThrow('0 results for 1')
})
