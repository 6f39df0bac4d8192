import { mkdtemp, readFile, rm, truncate, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { openJournal } from '@lever/durable-files'
import type { AskProgress } from '../src/ask.ts'
import { answerKey, createAsker } from '../src/ask.ts'
import { lookUpEmbeddings } from '../src/embeddings.ts'
import { evaluateSelectors } from '../src/evaluate.ts'
import type { EvaluateOptions } from '../src/evaluate.ts'
import { copyNearest } from '../src/selectors/copy-nearest.ts'
import { majorityVote } from '../src/selectors/majority-vote.ts'
import { pointer } from '../src/selectors/pointer.ts'
import { random } from '../src/selectors/random.ts'
import { reversed } from '../src/selectors/reversed.ts'
import { similarityBoth } from '../src/selectors/similarity-both.ts'
import { similarityText } from '../src/selectors/similarity-text.ts'
import { zeroShot } from '../src/selectors/zero-shot.ts'
import type { Answer, Example } from '../src/types.ts'
import { toyRow } from './conformance.ts'
import { officialScore, toyModel, toyQuestion, toyQuestions } from './toy-world.ts'

const queries = toyQuestions(6, 1)
const pool = toyQuestions(10, 101)
const ids = (examples: readonly Example[]): number[] => examples.map(({ id }) => id)
const table = (examples: readonly Example[]): { ids: number[]; data: Float32Array; dim: number } => ({
  ids: ids(examples),
  data: Float32Array.from(ids(examples).flatMap((id) => Array.from(toyRow('both', id)))),
  dim: 8,
})
const tables = { queries: table(queries), candidates: table(pool) }
const embeddings = lookUpEmbeddings({ both: tables, text: tables })

function settings(over: Partial<EvaluateOptions> = {}): EvaluateOptions {
  return {
    queries,
    pools: pool,
    selectors: [zeroShot(), random(), similarityBoth()],
    shots: [0, 1, 2],
    seeds: [0, 1, 2],
    embeddings,
    answer: toyModel().answer,
    score: officialScore,
    ...over,
  }
}

describe('evaluateSelectors', () => {
  test('gives a row per query, selector, shot count and seed, with the official accuracy', async () => {
    const { rows, prompts } = await evaluateSelectors(settings())
    expect(rows).toHaveLength(6 * (1 + 2 * 3 + 2))
    expect(
      rows.filter((row) => row.selector === 'zero-shot').map((row) => [row.shots, row.accuracy]),
    ).toEqual(new Array(6).fill([0, 0]))
    const one = rows.find((row) => row.selector === 'similarity-both' && row.shots === 2 && row.query === 1)!
    expect(one).toMatchObject({ image: 'square-red', seed: null, mode: 'file', questionType: 'what does' })
    expect(one.demonstrations).toHaveLength(2)
    expect(new Set(rows.filter((row) => row.selector === 'random').map((row) => row.seed))).toEqual(
      new Set([0, 1, 2]),
    )
    expect(prompts.asked).toBe(prompts.prompts)
    expect(prompts.asked).toBeLessThan(rows.length)
  })

  test('half an answer has the accuracy of the humans who gave it', async () => {
    const half = pointer({ select: () => [201] })
    const pools = [toyQuestion(201, 1, 3)]
    const { rows } = await evaluateSelectors(
      settings({ queries: [toyQuestion(1, 1, 0)], pools, selectors: [half], shots: [1] }),
    )
    // two of ten humans said the shape's word alone: 0.8 * 2/3 + 0.2 * 1/3
    expect(rows[0]).toMatchObject({ answer: 'blick1', accuracy: expect.closeTo(0.6, 12) })
  })

  test('asks equal prompts of different selectors once, neighbours begin alike', async () => {
    const model = toyModel()
    const { prompts } = await evaluateSelectors(
      settings({ answer: model.answer, selectors: [similarityBoth(), similarityText()], batchSize: 4 }),
    )
    expect(prompts).toEqual({ prompts: 12, cached: 0, asked: 12, failed: 0 })
    expect(model.calls.map((call) => call.length)).toEqual([4, 4, 4])
    const starts = model.calls.flat().map((id) => Number(id.split(':')[1]!.split(',')[0]))
    expect(starts).toEqual(starts.toSorted((a, b) => a - b))
  })

  test('the same seeds give the same rows; pools per query and shared pools agree', async () => {
    const first = await evaluateSelectors(settings())
    const again = await evaluateSelectors(settings({ pools: new Map(queries.map(({ id }) => [id, pool])) }))
    expect(again.rows).toEqual(first.rows)
    const other = await evaluateSelectors(settings({ seeds: [7, 8, 9] }))
    expect(other.rows).not.toEqual(first.rows)
  })

  test('a reversed random set is the same set', async () => {
    const { rows } = await evaluateSelectors(
      settings({ selectors: [random(), reversed({ of: random() })], shots: [2], seeds: [4] }),
    )
    const [plain, turned] = [rows.slice(0, 6), rows.slice(6)]
    expect(turned.map((row) => row.demonstrations)).toEqual(
      plain.map((row) => row.demonstrations.toReversed()),
    )
  })

  test('selectors without a model are not asked', async () => {
    const model = toyModel()
    const { rows } = await evaluateSelectors(
      settings({ answer: model.answer, selectors: [majorityVote(), copyNearest()], shots: [0, 1] }),
    )
    expect(model.calls).toEqual([])
    expect(rows.map((row) => row.shots)).toEqual([0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1])
    const copied = rows[6]!
    expect(copied.answer).toBe(pool.find(({ id }) => id === copied.demonstrations[0])!.answer)
  })

  test('a failed answer has no accuracy and says why', async () => {
    const { rows, prompts } = await evaluateSelectors(
      settings({
        selectors: [zeroShot()],
        answer: (asked) =>
          Promise.resolve(
            asked.map(({ query }) =>
              query.id === 3 ? { text: '', error: 'unreadable image' } : { text: 'x' },
            ),
          ),
      }),
    )
    expect(rows[2]).toMatchObject({ query: 3, accuracy: null, mode: 'error', error: 'unreadable image' })
    expect(prompts.failed).toBe(1)
  })

  test.each<[string, Partial<EvaluateOptions>, string]>([
    ['no queries', { queries: [] }, 'no query'],
    ['no selectors', { selectors: [] }, 'no selector'],
    ['a query twice', { queries: [queries[0]!, queries[0]!] }, 'query 1 appears twice'],
    ['a selector twice', { selectors: [random(), random()] }, 'selector random appears twice'],
    ['no pool', { pools: new Map() }, 'query 1 has no pool'],
    ['too many shots', { shots: [11] }, 'asked for 11'],
    ['no embeddings', { embeddings: lookUpEmbeddings({}) }, 'needs both embeddings'],
    ['nothing to score by', { queries: [{ ...queries[0]!, answers: [] }] }, 'no human answers'],
    ['a bad batch size', { batchSize: 0 }, 'batchSize'],
  ])('refuses %s before asking', async (_, over, message) => {
    const model = toyModel()
    await expect(evaluateSelectors(settings({ answer: model.answer, ...over }))).rejects.toThrow(message)
    expect(model.calls).toEqual([])
  })
})

describe('embeddings', () => {
  test('are found by id and complain about unknown ids and wrong sizes', () => {
    const short = { ...tables, candidates: table(pool.slice(1)) }
    const rows = lookUpEmbeddings({ both: short })(queries[0]!, pool).both!
    expect(rows.query).toEqual(toyRow('both', 1))
    expect(() => rows.candidate(0)).toThrow('the both candidate embeddings have no row for example 101')
    expect(() => lookUpEmbeddings({ text: { ...tables, queries: { ...tables.queries, dim: 7 } } })).toThrow(
      '48 numbers, not [M=6, D=7]',
    )
    const big = { ids: [5], data: Float32Array.of(1), dim: 1 }
    const query = { ...queries[0]!, id: 5 }
    expect(lookUpEmbeddings({ image: { queries: big, candidates: big } })(query, []).image!.query[0]).toBe(1)
  })
})

describe('with a journal', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'icl-eval-'))
  })
  afterEach(async () => {
    await rm(folder, { recursive: true })
  })
  const open = (): ReturnType<typeof openJournal<Answer>> =>
    openJournal<Answer>({ path: join(folder, 'answers.jsonl'), header: { protocol: 'p' } })

  test('a second run asks nothing, a selector added later only its own prompts', async () => {
    const journal = await open()
    const first = await evaluateSelectors(settings({ journal, protocol: 'p' }))
    await journal.close()
    const again = await open()
    const model = toyModel()
    const more = [zeroShot(), random(), similarityBoth(), reversed({ of: similarityBoth() })]
    const second = await evaluateSelectors(
      settings({ journal: again, protocol: 'p', answer: model.answer, selectors: more }),
    )
    await again.close()
    expect(second.prompts.cached).toBe(first.prompts.asked)
    expect(model.calls.flat().length).toBeLessThanOrEqual(6)
    expect(second.rows.slice(0, first.rows.length)).toEqual(first.rows)
  })

  test('another protocol shares nothing', async () => {
    const journal = await open()
    await evaluateSelectors(settings({ journal, protocol: 'p' }))
    const { prompts } = await evaluateSelectors(settings({ journal, protocol: 'q' }))
    await journal.close()
    expect(prompts.cached).toBe(0)
  })

  test('interrupted, torn and continued, it gives the rows of an undisturbed run', async () => {
    const whole = await evaluateSelectors(settings())
    const controller = new AbortController()
    const journal = await open()
    const progress: AskProgress[] = []
    const stopped = evaluateSelectors(
      settings({
        journal,
        batchSize: 5,
        signal: controller.signal,
        onProgress: (event) => {
          progress.push(event)
          if (event.done >= 10) controller.abort(new Error('stop now'))
        },
      }),
    )
    await expect(stopped).rejects.toThrow('stop now')
    await journal.close()
    expect(progress.map(({ done }) => done)).toEqual([0, 5, 10])
    const path = join(folder, 'answers.jsonl')
    await truncate(path, (await stat(path)).size - 7)
    const resumed = await open()
    expect(resumed.resumed.tornBytes).toBeGreaterThan(0)
    const rest = await evaluateSelectors(settings({ journal: resumed, batchSize: 5 }))
    await resumed.close()
    expect(rest.prompts.cached).toBe(9)
    expect(rest.rows).toEqual(whole.rows)
  })

  test('failed answers are not kept', async () => {
    const journal = await open()
    const query = queries[0]!
    const prompt = { query, demonstrations: [] }
    const broken = createAsker({ answer: () => Promise.resolve([{ text: '', error: 'busy' }]), journal })
    expect((await broken.ask([prompt]))[0]!.error).toBe('busy')
    const mended = createAsker({ answer: () => Promise.resolve([{ text: 'fine' }]), journal })
    expect(await mended.ask([prompt, prompt])).toEqual([{ text: 'fine' }, { text: 'fine' }])
    expect(mended.stats()).toEqual({ prompts: 1, cached: 0, asked: 1, failed: 0 })
    await journal.close()
    const text = await readFile(join(folder, 'answers.jsonl'), 'utf8')
    expect(text.trim().split('\n')).toHaveLength(2)
    expect(text).toContain(answerKey('', prompt))
  })
})
