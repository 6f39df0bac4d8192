import { describe, expect, test } from '@jest/globals'
import { hashOf } from '@lever/durable-files'
import { type AnswerFunction, type MeasureOptions, type ExamplePrompt } from '../src/index.ts'
import {
  collect,
  examples,
  freshPath,
  linesOf,
  measure,
  queries,
  scripted,
  scriptedText,
  sortedText,
  toyOptions,
} from './scripted.ts'

const reference = freshPath()
const referenceStatistics = measure(toyOptions(reference))

describe('a whole run', () => {
  test('writes a line per query and per pointer, keyed by the measurement', async () => {
    const statistics = await referenceStatistics
    expect(statistics).toMatchObject({ queries: 20, outcomes: 240, measured: 240, resumed: 0, prompts: 240 })
    const lines = linesOf(reference)
    expect(lines).toHaveLength(260)
    const outcome = lines.find(({ key }) => !key.startsWith('query:'))!
    const { pointer, query_id: query } = outcome.value
    const images = [...pointer, query].map((id) => examples[id]!.imageId)
    expect(outcome.key).toBe(hashOf({ protocol: 'p1', query, pointer, images }))
    expect(Object.keys(outcome.value).sort()).toEqual([
      'beam_rank',
      'beam_score',
      'eval_failed',
      'gen_method',
      'logprob_score',
      'pointer',
      'query_id',
      'rank',
      'temperature',
      'vqa_acc_score',
      'vqa_correct',
      'vqa_eval_mode',
      'vqa_pred_answer',
      'vqa_raw_generation',
    ])
    const head = lines.find(({ key }) => key === `query:${query}`)!.value as unknown as Record<
      string,
      unknown
    >
    expect(head['query']).toMatchObject({ query_id: query, image_id: examples[query]!.imageId })
    expect(pointer.every((id) => (head['candidate_pool_ids'] as number[]).includes(id))).toBe(true)
  })

  test('numbers the pointers of a query and asks the model what the line says', () => {
    const lines = linesOf(reference).filter(({ key }) => !key.startsWith('query:'))
    for (const query of queries) {
      const group = lines.filter(({ value }) => value.query_id === query.id).map(({ value }) => value)
      expect(group.map(({ rank }) => rank).sort((a, b) => Number(a) - Number(b))).toEqual([
        ...Array(12).keys(),
      ])
      for (const { pointer, vqa_pred_answer } of group) {
        const demonstrations = pointer.map((id) => examples[id]!)
        expect(vqa_pred_answer).toBe(scriptedText({ demonstrations, query }))
      }
    }
  })

  test('counts modes, methods, positives and groups without variance', async () => {
    const statistics = await referenceStatistics
    const lines = linesOf(reference).filter(({ key }) => !key.startsWith('query:'))
    const positives = lines.filter(({ value }) => value['vqa_correct'] === 1).length
    expect(statistics.positives).toBe(positives)
    expect(statistics.file).toEqual({ count: 240, share: 1 })
    expect(statistics.fallback.count + statistics.error.count).toBe(0)
    expect(statistics.methods.map(({ method }) => method)).toEqual(['beam', 'random', 'retrieval', 'sample'])
    expect(statistics.methods.reduce((sum, method) => sum + method.outcomes, 0)).toBe(240)
    expect(statistics.methods.reduce((sum, method) => sum + method.positives, 0)).toBe(positives)
    const flat = queries.filter(({ id }) => {
      const accuracies = lines
        .filter(({ value }) => value.query_id === id)
        .map(({ value }) => value['vqa_acc_score'])
      return new Set(accuracies).size === 1
    })
    expect(statistics.zeroVariance).toEqual({ count: flat.length, share: flat.length / 20 })
  })

  test('reports progress up to the end', async () => {
    const events = await collect(toyOptions(freshPath(), { progressEvery: 0 }))
    expect(events[0]).toEqual({ type: 'start', queries: 20, resumed: 0, tornBytes: 0, plans: 1 })
    const progress = events.filter((event) => event.type === 'progress')
    expect(progress.length).toBeGreaterThan(10)
    const counts = progress.map(({ outcomes }) => outcomes)
    expect(counts).toEqual([...counts].sort((a, b) => a - b))
    expect(progress.at(-1)).toMatchObject({
      queries: 20,
      queriesDone: 20,
      outcomes: 240,
      measured: 240,
      secondsLeft: 0,
    })
    expect(events.at(-1)!.type).toBe('done')
  })

  test('of no queries writes the header', async () => {
    const path = freshPath()
    expect(await measure(toyOptions(path, { queries: [] }))).toMatchObject({ queries: 0, outcomes: 0 })
    expect(linesOf(path)).toEqual([])
  })
})

describe('the order of work', () => {
  const asked = async (changes: Partial<MeasureOptions>): Promise<ExamplePrompt[][]> => {
    const batches: ExamplePrompt[][] = []
    const answer: AnswerFunction = (prompts, options) => {
      batches.push([...prompts])
      return scripted(prompts, options)
    }
    await measure(toyOptions(freshPath(), { answer, ...changes }))
    return batches
  }
  const firsts = (batches: readonly ExamplePrompt[][]): number[] =>
    batches.flatMap((batch) => batch.map(({ demonstrations }) => demonstrations[0]!.id))
  const changesOf = (ids: readonly number[]): number => ids.filter((id, i) => id !== ids[i - 1]).length

  test('puts prompts with equal first demonstrations side by side', async () => {
    const batches = await asked({})
    expect(Math.max(...batches.map((batch) => batch.length))).toBe(8)
    const ids = firsts(batches)
    expect(changesOf(ids)).toBe(new Set(ids).size)
    const perQuery = firsts(await asked({ imageBudget: 1 }))
    expect(changesOf(perQuery)).toBeGreaterThan(2 * changesOf(ids))
  })

  test('keeps to the image budget', async () => {
    const seen = (await asked({ imageBudget: 1, batchSize: 1000 })).map(
      (batch) => new Set(batch.map(({ query }) => query.id)).size,
    )
    expect(seen).toEqual(new Array(20).fill(1))
  })

  test.each([
    ['4 calls at a time', { concurrency: 4 }],
    ['one prompt a call', { batchSize: 1, concurrency: 3 }],
    ['one call', { batchSize: 1000 }],
    ['one query a window', { imageBudget: 1 }],
    ['7 queries a plan', { proposalBatch: 7 }],
    ['queries in another order', { queries: queries.toReversed() }],
  ])('does not change the lines: %s', async (_, changes) => {
    await referenceStatistics
    const path = freshPath()
    await measure(toyOptions(path, changes))
    expect(sortedText(path)).toBe(sortedText(reference))
  })

  test('has as many calls in flight as allowed', async () => {
    let [flying, most] = [0, 0]
    const answer: AnswerFunction = async (prompts, options) => {
      most = Math.max(most, ++flying)
      const answers = await scripted(prompts, options)
      flying -= 1
      return answers
    }
    await measure(toyOptions(freshPath(), { answer, concurrency: 3 }))
    expect(most).toBe(3)
  })
})
