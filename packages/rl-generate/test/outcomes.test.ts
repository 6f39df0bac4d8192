import { describe, expect, test } from '@jest/globals'
import type { AnswerFunction, Example, MeasureOptions, ScoreFunction } from '../src/index.ts'
import {
  collect,
  examples,
  freshPath,
  linesOf,
  measure,
  proposer,
  queries,
  scripted,
  toyOptions,
} from './scripted.ts'

const outcomesOf = (path: string) => linesOf(path).filter(({ key }) => !key.startsWith('query:'))

/** The examples, one of them with other fields; `image: ''` takes its image away. */
const changed = (id: number, change: Partial<Example>, list: readonly Example[]): Example[] =>
  list.map((example) => {
    if (example.id !== id) return example
    const { image, ...rest } = { ...example, ...change }
    return image === '' || image === undefined ? rest : { ...rest, image }
  })

describe('an answer that cannot be scored', () => {
  const score: ScoreFunction = (prediction, query) => {
    if (query.id === 7) throw new Error('question 7 is not in the annotations')
    return { accuracy: prediction === query.answers[0] ? 0.9 : 0, mode: 'file' }
  }
  const answer: AnswerFunction = async (prompts, options) => {
    const answers = await scripted(prompts, options)
    return answers.map((one, i) =>
      prompts[i]!.query.id === 9 ? { ...one, error: 'cannot decode 9.png' } : one,
    )
  }

  test('ends a strict run with its name, and what was measured stays', async () => {
    const path = freshPath()
    await expect(measure(toyOptions(path, { score, batchSize: 1000 }))).rejects.toThrow(
      /query 7 with pointer \[\d+, \d+\] could not be measured: question 7 is not in the annotations; .*--no-strict/,
    )
    expect(outcomesOf(path)).toHaveLength(228)
    await expect(measure(toyOptions(freshPath(), { answer }))).rejects.toMatchObject({ code: 'LEVER_INPUT' })
    expect(await measure(toyOptions(path))).toMatchObject({ outcomes: 240 })
  })

  test('is recorded as an error otherwise', async () => {
    const path = freshPath()
    const statistics = await measure(toyOptions(path, { score, answer, strict: false }))
    expect(statistics.error).toEqual({ count: 24, share: 0.1 })
    expect(statistics.zeroVariance.count).toBeGreaterThanOrEqual(2)
    const seven = outcomesOf(path).find(({ value }) => value.query_id === 7)!.value
    expect(seven).toMatchObject({
      vqa_eval_mode: 'error',
      eval_failed: true,
      eval_error: 'question 7 is not in the annotations',
      vqa_correct: null,
      vqa_acc_score: null,
    })
    expect(outcomesOf(path).find(({ value }) => value.query_id === 9)!.value['eval_error']).toBe(
      'cannot decode 9.png',
    )
    expect(await measure(toyOptions(path))).toMatchObject({ measured: 0, resumed: 240 })
  })
})

test('a context stands in for an image', async () => {
  const textual = <E extends Example>(all: readonly E[]): E[] =>
    all.map((example) => {
      const { image, ...rest } = example
      return { ...rest, context: `a picture called ${image}` } as unknown as E
    })
  const asked: unknown[] = []
  const answer: typeof scripted = (prompts, call) => {
    for (const { query } of prompts) asked.push(query.context)
    return scripted(prompts, call)
  }
  const options = toyOptions(freshPath(), {
    queries: textual(queries),
    candidates: textual(examples),
    answer,
  })
  expect(await measure(options)).toMatchObject({ outcomes: 240 })
  expect(asked).toContain(`a picture called ${queries[0]!.image}`)
})

test('a missing image of a query is refused before any work; of a demonstration, when it comes', async () => {
  const path = freshPath()
  await expect(measure(toyOptions(path, { queries: changed(3, { image: '' }, queries) }))).rejects.toThrow(
    /1 queries have no image file and no context \(the first is 3\)/,
  )
  expect(() => linesOf(path)).toThrow(/ENOENT/)
  const candidates = changed(40, { image: '' }, examples)
  await expect(measure(toyOptions(path, { candidates }))).rejects.toThrow(/example 40 has no image file/)
  let asked = 0
  const answer: AnswerFunction = (prompts, options) => {
    asked += prompts.length
    return scripted(prompts, options)
  }
  const statistics = await measure(toyOptions(freshPath(), { candidates, strict: false, answer }))
  expect(statistics.error.count).toBeGreaterThan(0)
  expect(asked).toBe(240 - statistics.error.count)
})

test('missing annotations are refused before any work, unless a fallback is allowed', async () => {
  const bare = queries.map((query) => ({ ...query, answers: [] }))
  await expect(measure(toyOptions(freshPath(), { queries: bare }))).rejects.toThrow(
    /20 queries have no annotations \(the first is 0\); .*--allow-fallback/,
  )
  const score: ScoreFunction = () => ({ accuracy: 0.5, mode: 'fallback' })
  await expect(measure(toyOptions(freshPath(), { score }))).rejects.toThrow(
    /scored by the string matcher.*--allow-fallback/,
  )
  const statistics = await measure(toyOptions(freshPath(), { queries: bare, score, allowFallback: true }))
  expect(statistics.fallback).toEqual({ count: 240, share: 1 })
  expect(statistics.zeroVariance).toEqual({ count: 20, share: 1 })
  const mute = { candidates: changed(11, { answer: '' }, examples) }
  await expect(measure(toyOptions(freshPath(), mute))).rejects.toThrow(
    /1 candidates have no answer to show \(the first is 11\)/,
  )
})

test('all fields of a score and of an answer are kept', async () => {
  const path = freshPath()
  const answer: AnswerFunction = (prompts) =>
    Promise.resolve(prompts.map(() => ({ text: 'red', raw: 'red, Question' })))
  const score: ScoreFunction = () => ({
    accuracy: 0.3,
    mode: 'file',
    split: 'train',
    gtProb: 0.25,
    relTokenF1: 0.5,
    relEditSim: 0.75,
    rel: 0.75,
  })
  await measure(
    toyOptions(path, { answer, score, correctAbove: 0.5, normalizeAnswer: (text) => text.toUpperCase() }),
  )
  expect(outcomesOf(path)[0]!.value).toMatchObject({
    vqa_raw_generation: 'red, Question',
    vqa_pred_answer: 'red',
    vqa_correct: 0,
    vqa_acc_score: 0.3,
    vqa_gt_prob: 0.25,
    vqa_rel_token_f1: 0.5,
    vqa_rel_edit_sim: 0.75,
    vqa_rel_score: 0.75,
    eval_split_used: 'train',
  })
  const head = linesOf(path).find(({ key }) => key === 'query:2')!
  expect((head.value as unknown as { query: unknown }).query).toMatchObject({
    gt_answers_raw: queries[2]!.answers,
    gt_answers_norm: queries[2]!.answers.map((text) => text.toUpperCase()),
  })
})

describe('expected accuracies without answers', () => {
  const expectedOf = (prompt: { query: { id: number }; demonstrations: readonly { id: number }[] }): number =>
    ((prompt.demonstrations[0]!.id * 7 + prompt.query.id) % 50) / 50
  const answer: AnswerFunction = (prompts) =>
    Promise.resolve(prompts.map((prompt) => ({ text: '', raw: String(expectedOf(prompt)) })))
  const score: ScoreFunction = (_, __, { raw }) => ({ mode: 'file', gtProb: Number(raw) })

  test('are lines without accuracy, counted apart', async () => {
    const path = freshPath()
    const statistics = await measure(toyOptions(path, { answer, score }))
    const lines = outcomesOf(path)
    expect(lines).toHaveLength(240)
    for (const { value } of lines) {
      expect(
        Object.keys(value)
          .filter((field) => field.startsWith('vqa_'))
          .sort(),
      ).toEqual(['vqa_eval_mode', 'vqa_gt_prob'])
    }
    const values = lines.map(({ value }) => value['vqa_gt_prob'] as number)
    const mean = values.reduce((sum, value) => sum + value, 0) / 240
    expect(statistics).toMatchObject({ outcomes: 240, positives: 0, file: { count: 240, share: 1 } })
    expect(statistics.expected).toEqual({
      outcomes: 240,
      mean: expect.closeTo(mean, 12),
      zeroVariance: { count: 0, share: 0 },
    })
    expect(statistics.methods.every(({ accuracy, expected }) => accuracy === null && expected! > 0)).toBe(
      true,
    )
    const again = await measure(toyOptions(path, { answer, score, recheck: 1 }))
    expect(again).toMatchObject({ measured: 0, repeated: 240, disagreements: 0 })
    const other: ScoreFunction = (_, __, { raw }) => ({ mode: 'file', gtProb: 0.9 * Number(raw) })
    const changes = await collect(toyOptions(path, { answer, score: other, recheck: 1 }))
    const disagreement = changes.find((event) => event.type === 'disagreement')
    expect(disagreement).toMatchObject({ before: expect.stringMatching(/^E = 0\.\d+$/) })
  })

  test('beside accuracies change nothing else', async () => {
    const paths = [freshPath(), freshPath()]
    const plain: ScoreFunction = (prediction, query) => ({
      accuracy: prediction === query.answers[0] ? 1 : 0,
      mode: 'file',
    })
    await measure(toyOptions(paths[0]!, { score: plain }))
    const both: ScoreFunction = async (...args) => ({ ...(await plain(...args)), gtProb: 0.5 }) as const
    const statistics = await measure(toyOptions(paths[1]!, { score: both }))
    expect(statistics.expected).toMatchObject({ mean: 0.5, zeroVariance: { count: 20, share: 1 } })
    const without = outcomesOf(paths[1]!).map(({ key, value }) => ({
      key,
      value: Object.fromEntries(Object.entries(value).filter(([field]) => field !== 'vqa_gt_prob')),
    }))
    const sorted = (lines: object[]): string[] => lines.map((line) => JSON.stringify(line)).sort()
    expect(sorted(without)).toEqual(sorted(outcomesOf(paths[0]!)))
  })

  test('are what until-informative goes by, and must be in 0..1', async () => {
    const flat: ScoreFunction = (_, query, { raw }) => ({
      mode: 'file',
      gtProb: query.id < 10 ? 0.25 : Number(raw),
    })
    const options = { answer, score: flat, untilInformative: { limit: 20 } }
    const statistics = await measure(toyOptions(freshPath(), options))
    expect(statistics.adaptive).toMatchObject({ flat: 10, rescued: 0 })
    expect(statistics.expected!.zeroVariance.count).toBe(10)
    const wrong: ScoreFunction = () => ({ mode: 'file', gtProb: 1.5 })
    await expect(measure(toyOptions(freshPath(), { score: wrong }))).rejects.toThrow('is 1.5, not in 0..1')
  })
})

test.each<[string, Partial<MeasureOptions>, RegExp]>([
  ['an accuracy of 2', { score: () => ({ accuracy: 2, mode: 'file' }) }, /query \d+ .* is 2, not in 0\.\.1/],
  ['an accuracy of NaN', { score: () => ({ accuracy: NaN, mode: 'file' }) }, /is NaN/],
  ['too few answers', { answer: () => Promise.resolve([]) }, /0 answers to \d+ prompts/],
  ['a plan too few', { propose: () => [] }, /no plan for query 0/],
  [
    'a stranger in the pool',
    { candidates: examples.slice(0, 50) },
    /pool of query \d+ holds 5\d, which is not a candidate/,
  ],
  ['pointers of another length', { propose: proposer({ shots: 3 }) }, /is not K=2 distinct positions/],
  ['a query twice', { queries: [...queries, queries[0]!] }, /id 0 among the queries is used twice/],
  ['a batch of 0', { batchSize: 0 }, /batchSize is 0/],
  ['a prefix of -1', { prefixes: [-1] }, /prefix of -1 demonstrations of K=2 cannot be measured; use 0..K/],
  ['a prefix of 3', { prefixes: [3] }, /prefix of 3 demonstrations of K=2/],
  ['a recheck of 2', { recheck: 2 }, /recheck is 2/],
])('%s is refused', async (_, changes, message) => {
  await expect(measure(toyOptions(freshPath(), changes))).rejects.toThrow(message)
})

describe('prefixes', () => {
  test('are measured once a query and stored with every pointer', async () => {
    const path = freshPath()
    const asked = new Map<string, number>()
    const answer: AnswerFunction = (prompts, options) => {
      for (const { demonstrations, query } of prompts) {
        const key = [...demonstrations, query].map(({ id }) => id).join()
        asked.set(key, (asked.get(key) ?? 0) + 1)
      }
      return scripted(prompts, options)
    }
    const statistics = await measure(toyOptions(path, { prefixes: [2, 1], answer }))
    expect(statistics.outcomes).toBe(240)
    expect([...asked.values()].every((count) => count === 1)).toBe(true)
    const firsts = new Set(outcomesOf(path).map(({ value }) => `${value.pointer[0]},${value.query_id}`))
    expect(asked.size).toBe(240 + firsts.size)
    expect(statistics.prompts).toBe(asked.size)
    const plain = freshPath()
    await measure(toyOptions(plain))
    const same = new Map(outcomesOf(plain).map(({ key, value }) => [key, value]))
    for (const { key, value } of outcomesOf(path)) {
      const { shots, ...rest } = value
      expect(rest).toEqual(same.get(key))
      expect(shots).toMatchObject([
        { k: 1, vqa_eval_mode: 'file' },
        { k: 2, vqa_pred_answer: rest['vqa_pred_answer'], vqa_acc_score: rest['vqa_acc_score'] },
      ])
    }
  })

  test('of no demonstration is the question alone, asked once', async () => {
    const path = freshPath()
    const statistics = await measure(toyOptions(path, { prefixes: [0] }))
    expect(statistics.prompts).toBe(240 + queries.length)
    const alone = new Map(outcomesOf(path).map(({ value }) => [value.query_id, value.shots]))
    for (const { value } of outcomesOf(path)) expect(value.shots).toEqual(alone.get(value.query_id))
    for (const shots of alone.values()) expect(shots).toMatchObject([{ k: 0, vqa_eval_mode: 'file' }])
  })

  test('give the same lines after a failure', async () => {
    const whole = freshPath()
    const few = { queries: queries.slice(0, 4), prefixes: [1, 2, 3], batchSize: 5, concurrency: 2 }
    const three = { ...few, propose: proposer({ shots: 3 }), meta: { protocol: { hash: 'p1' }, shot_num: 3 } }
    await measure(toyOptions(whole, three))
    const lines = outcomesOf(whole)
      .map((line) => JSON.stringify(line))
      .sort()
    for (const at of [2, 5, 9]) {
      const path = freshPath()
      let calls = 0
      const answer: AnswerFunction = (prompts, options) =>
        ++calls === at ? Promise.reject(new Error('cut')) : scripted(prompts, options)
      await expect(measure(toyOptions(path, { ...three, answer }))).rejects.toThrow('cut')
      await measure(toyOptions(path, three))
      expect(
        outcomesOf(path)
          .map((line) => JSON.stringify(line))
          .sort(),
      ).toEqual(lines)
    }
  })

  test('belong to the header', async () => {
    const path = freshPath()
    await measure(toyOptions(path, { prefixes: [1] }))
    await expect(measure(toyOptions(path))).rejects.toThrow(/_meta\.prefix_shots: \[1\] there, nothing here/)
  })
})

describe('until informative', () => {
  /** Right only for pointers whose ids add up to a multiple of 17: most groups are flat at first. */
  const answer: AnswerFunction = async (prompts, options) => {
    await scripted(prompts, options)
    return prompts.map(({ demonstrations, query }) => {
      const sum = demonstrations.reduce((total, { id }) => total + id, query.id)
      return { text: sum % 17 === 0 && query.id % 5 !== 0 ? query.answers[0]! : 'wrong' }
    })
  }
  const rare = { answer, propose: proposer({ size: 6 }), untilInformative: { limit: 40 } }

  test('adds pointers to flat queries up to the limit and says what that bought', async () => {
    const path = freshPath()
    const once = await measure(toyOptions(freshPath(), { ...rare, untilInformative: undefined }))
    const statistics = await measure(toyOptions(path, rare))
    const { flat, rescued, pointers } = statistics.adaptive!
    expect(flat).toBe(once.zeroVariance.count)
    expect(rescued).toBe(once.zeroVariance.count - statistics.zeroVariance.count)
    expect(rescued).toBeGreaterThan(5)
    expect(pointers).toBe(statistics.outcomes - once.outcomes)
    for (const { id } of queries) {
      const group = outcomesOf(path).filter(({ value }) => value.query_id === id)
      const accuracies = group.map(({ value }) => value['vqa_acc_score'])
      expect(new Set(accuracies).size > 1 || group.length === 40).toBe(true)
      if (id % 5 === 0) expect(group).toHaveLength(40)
      expect(group.map(({ value }) => Number(value['rank'])).sort((a, b) => a - b)).toEqual([...group.keys()])
    }
  })

  test('gives the same lines whatever the order, and after failures', async () => {
    const path = freshPath()
    await measure(toyOptions(path, rare))
    const lines = outcomesOf(path)
      .map((line) => JSON.stringify(line))
      .sort()
    const other = freshPath()
    await measure(toyOptions(other, { ...rare, concurrency: 4, batchSize: 3, imageBudget: 20 }))
    expect(
      outcomesOf(other)
        .map((line) => JSON.stringify(line))
        .sort(),
    ).toEqual(lines)
    const broken = freshPath()
    for (const at of [3, 20, 15, 25]) {
      let calls = 0
      const failing: AnswerFunction = (prompts, options) =>
        ++calls === at ? Promise.reject(new Error('cut')) : answer(prompts, options)
      await expect(measure(toyOptions(broken, { ...rare, answer: failing }))).rejects.toThrow('cut')
    }
    const last = (await collect(toyOptions(broken, rare))).at(-1)
    expect(
      outcomesOf(broken)
        .map((line) => JSON.stringify(line))
        .sort(),
    ).toEqual(lines)
    expect(last).toMatchObject({ type: 'done', statistics: { outcomes: lines.length } })
  })

  test('stops when no new pointer is proposed', async () => {
    const propose: MeasureOptions['propose'] = (batch, options) =>
      options.round === 0 ? rare.propose(batch, options) : batch.map(() => ({ poolIds: [], proposals: [] }))
    await expect(measure(toyOptions(freshPath(), { ...rare, propose }))).rejects.toThrow(/has another pool/)
    const quiet: MeasureOptions['propose'] = async (batch, options) => {
      const plans = await rare.propose(batch, options)
      return plans.map((plan) => (options.round === 0 ? plan : { ...plan, proposals: [] }))
    }
    const statistics = await measure(toyOptions(freshPath(), { ...rare, propose: quiet }))
    expect(statistics.adaptive).toMatchObject({ rescued: 0, pointers: 0 })
  })
})
