import { execSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import { describeRlData } from '@lever/rl-dataset'
import { readRlData } from '@lever/rl-dataset/node'
import { mergeShards, writeRlData, type AnswerFunction } from '../src/index.ts'
import {
  collect,
  freshPath,
  linesOf,
  measure,
  queries,
  scripted,
  sortedText,
  toyOptions,
} from './scripted.ts'

/** A model whose server fails on the queries 3 and 7. */
const failing: AnswerFunction = async (prompts, options) => {
  const answers = await scripted(prompts, options)
  return answers.map((answer, i) =>
    [3, 7].includes(prompts[i]!.query.id)
      ? { text: '', raw: '', error: '503 Service Unavailable', kind: 'transient' as const }
      : answer,
  )
}
const lenient = { strict: false, answer: failing }
const keysOf = (path: string) => linesOf(path).map(({ key }) => key)

test('where every prompt is refused, there is no accuracy, and the first reason is told', async () => {
  const answer: AnswerFunction = (prompts) =>
    Promise.resolve(
      prompts.map(() => ({
        text: '',
        raw: '',
        error: 'the model refuses to answer',
        kind: 'refused' as const,
      })),
    )
  const statistics = await measure(toyOptions(freshPath(), { strict: false, answer }))
  expect(statistics).toMatchObject({
    outcomes: 240,
    error: { count: 240, share: 1 },
    firstError: 'the model refuses to answer',
  })
  expect(statistics.methods.map(({ accuracy }) => accuracy)).toEqual(statistics.methods.map(() => null))
})

describe('a failure of a server or device', () => {
  test('ends a strict run as a failure of the run, not as wrong input', async () => {
    const error: unknown = await measure(toyOptions(freshPath(), { answer: failing })).catch(
      (e: unknown) => e,
    )
    expect(error).toBeInstanceOf(Error)
    expect(error).not.toHaveProperty('code', 'LEVER_INPUT')
    expect(String(error)).toMatch(/503 Service Unavailable; run the same command again once the server/)
  })

  test('is not an outcome: a later run measures it, and gives the data of a run without failures', async () => {
    const [whole, broken] = [freshPath(), freshPath()]
    await measure(toyOptions(whole, { strict: false }))
    const first = await measure(toyOptions(broken, lenient))
    expect(first).toMatchObject({ outcomes: 216, pending: 24, error: { count: 0 } })
    const again = await measure(toyOptions(broken, lenient))
    expect(again).toMatchObject({ resumed: 216, measured: 0, pending: 24, disagreements: 0 })
    const last = await measure(toyOptions(broken, { strict: false }))
    expect(last).toMatchObject({ resumed: 216, measured: 24, outcomes: 240, pending: 0 })
    expect(keysOf(broken).filter((key) => key.startsWith('failed:'))).toHaveLength(24)
    const [a, b] = await Promise.all([whole, broken].map((path) => readRlData(path)))
    expect(b!.queries).toEqual(a!.queries)
  })

  test('is counted apart when the data is described', async () => {
    const path = freshPath()
    await measure(toyOptions(path, lenient))
    const out = freshPath()
    await writeRlData({ journal: path, out })
    for (const file of [path, out]) {
      expect(describeRlData(await readRlData(file)).flags).toMatchObject({ failed: 0, pending: 24 })
    }
  })

  test('of a prefix keeps its pointer open too', async () => {
    const answer: AnswerFunction = async (prompts, options) =>
      (await scripted(prompts, options)).map((one, i) =>
        prompts[i]!.demonstrations.length === 0 && prompts[i]!.query.id === 5
          ? { text: '', error: 'cut off', kind: 'transient' as const }
          : one,
      )
    const path = freshPath()
    const options = { prefixes: [0], strict: false }
    expect(await measure(toyOptions(path, { ...options, answer }))).toMatchObject({ pending: 12 })
    expect(await measure(toyOptions(path, options))).toMatchObject({
      measured: 12,
      pending: 0,
      outcomes: 240,
    })
  })

  test('leaves a shard unfinished', async () => {
    const [a, b] = [freshPath(), freshPath()]
    await measure(toyOptions(a, { ...lenient, shard: { index: 0, count: 2 } }))
    await measure(toyOptions(b, { ...lenient, shard: { index: 1, count: 2 } }))
    await expect(mergeShards({ paths: [a, b], out: freshPath() })).rejects.toThrow(/has 0 of 12 outcomes/)
  })
})

test('what is wrong with the prompt is final', async () => {
  const answer: AnswerFunction = async (prompts, options) =>
    (await scripted(prompts, options)).map((one, i) =>
      prompts[i]!.query.id === 3 ? { ...one, error: 'cannot decode 3.png', kind: 'prompt' as const } : one,
    )
  const path = freshPath()
  expect(await measure(toyOptions(path, { strict: false, answer }))).toMatchObject({ error: { count: 12 } })
  expect(await measure(toyOptions(path, { strict: false }))).toMatchObject({ measured: 0, pending: 0 })
  const { flags } = describeRlData(await readRlData(path))
  expect(flags).toMatchObject({ failed: 12, pending: 0 })
})

test('ids that RL data cannot hold are refused before any work', async () => {
  const path = freshPath()
  const odd = queries.map((query) => (query.id === 4 ? { ...query, questionId: 4.5 } : query))
  await expect(measure(toyOptions(path, { queries: odd }))).rejects.toThrow(
    /the question_id of query 4 is 4\.5, which RL data cannot hold/,
  )
  expect(() => linesOf(path)).toThrow(/ENOENT/)
})

test('the time left counts outcomes, not whole queries', async () => {
  const events = await collect(
    toyOptions(freshPath(), { batchSize: 8, progressEvery: 0, imageBudget: Infinity }),
  )
  const seen = events.filter((event) => event.type === 'progress')
  const half = seen.find(({ measured }) => measured >= 120)!
  const { measured, outcomesPerSecond, secondsLeft } = half
  expect(secondsLeft! * outcomesPerSecond).toBeCloseTo(240 - measured, 6)
  expect(seen.at(-1)!.secondsLeft).toBe(0)
})

describe('a journal with outcomes that are none, as an earlier version took them from a worker', () => {
  /** Spoils so many outcomes and returns the numbers of their lines. */
  const poison = (path: string, count: number): number[] => {
    const lines = readFileSync(path, 'utf8').split('\n')
    const numbers = [...lines.keys()].filter((i) => lines[i]!.includes('"vqa_raw_generation"')).slice(-count)
    for (const i of numbers) {
      lines[i] = lines[i]!.replace(/"vqa_raw_generation":"[^"]*"/, '"vqa_raw_generation":5')
    }
    writeFileSync(path, lines.join('\n'))
    return numbers.map((i) => i + 1)
  }

  test.each([1, 3])('%p of them: the message names the lines, and its remedy works', async (count) => {
    const [whole, path] = [freshPath(), freshPath("it's rl.jsonl")]
    await measure(toyOptions(whole))
    await measure(toyOptions(path))
    const [first] = poison(path, count)
    const error = (await measure(toyOptions(path)).catch((e: unknown) => e)) as Error
    expect(error).toMatchObject({ code: 'LEVER_INPUT' })
    expect(error.message).toContain(
      `${path}, line ${first!}: this is not an outcome: vqa_raw_generation must be string,null, got 5`,
    )
    execSync(/: (sed .*)$/.exec(error.message)![1]!)
    expect(await measure(toyOptions(path))).toMatchObject({ measured: count, outcomes: 240 })
    expect(sortedText(path)).toBe(sortedText(whole))
  })
})
