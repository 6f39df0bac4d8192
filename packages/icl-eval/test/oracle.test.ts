import { describe, expect, test } from '@jest/globals'
import { createRandom } from '@lever/reward-utils'
import { evaluateSelectors } from '../src/evaluate.ts'
import { bestReachable } from '../src/oracle-proposals.ts'
import { measureOracle } from '../src/oracle.ts'
import { oracle } from '../src/selectors/oracle.ts'
import { random } from '../src/selectors/random.ts'
import { worst } from '../src/selectors/worst.ts'
import type { EvaluationRow } from '../src/types.ts'
import { officialScore, toyModel, toyQuestion, toyReply } from './toy-world.ts'

// Query (2, 3): nobody in the pool has both words, two candidates have one each.
const query = toyQuestion(1, 2, 3)
const pool = [
  toyQuestion(10, 0, 0),
  toyQuestion(11, 1, 1),
  toyQuestion(12, 2, 0),
  toyQuestion(13, 0, 3),
  toyQuestion(14, 1, 0),
  toyQuestion(15, 0, 1),
]

describe('measureOracle', () => {
  test('is exhaustive at one shot and finds the complementary pair', async () => {
    const model = toyModel()
    const found = await measureOracle({
      queries: [query],
      pools: pool,
      shots: 3,
      answer: model.answer,
      score: officialScore,
    })
    expect(found.levels).toEqual([
      { shots: 1, how: 'exhaustive', scope: 'pools', measured: 6, atBest: 0 },
      { shots: 2, how: 'maximum reached', scope: 'pools', measured: 8, atBest: 1 },
      { shots: 3, how: 'maximum reached', scope: 'pools', measured: 8, atBest: 1 },
    ])
    expect(found.rows.map((row) => [row.shots, row.accuracy])).toEqual([
      [1, expect.closeTo(0.6, 12)],
      [2, 1],
      [3, 1],
    ])
    expect(found.rows[1]).toMatchObject({
      selector: 'oracle',
      answer: 'blick2 dax3',
      seed: null,
      mode: 'file',
    })
    expect(found.rows[1]!.demonstrations.toSorted()).toEqual([12, 13])
    expect(model.calls.flat()).toHaveLength(found.prompts.asked)
  })

  test('says best known where the budget ended the search', async () => {
    const found = await measureOracle({
      queries: [query],
      pools: pool,
      shots: 2,
      budget: 3,
      answer: toyModel((prompt) => (prompt.demonstrations.length === 2 ? '' : toyReply(prompt))).answer,
      score: officialScore,
    })
    expect(found.levels[1]).toEqual({ shots: 2, how: 'best known', scope: 'pools', measured: 3, atBest: 0 })
    expect(found.rows[1]!.accuracy).toBe(0)
  })

  test('goes on to the library at one shot where it can be afforded, and says so', async () => {
    const right = { ...toyQuestion(20, 2, 3), imageId: 'another' }
    const own = { ...toyQuestion(21, 2, 3), imageId: query.imageId }
    const options = {
      queries: [query],
      pools: pool,
      library: [...pool, right, own, query],
      shots: 1,
      answer: toyModel().answer,
      score: officialScore,
    }
    const narrow = await measureOracle({ ...options, librarySingles: 0 })
    expect(narrow.levels[0]).toMatchObject({ scope: 'pools', measured: 6, atBest: 0 })
    const wide = await measureOracle({ ...options, librarySingles: 1 })
    expect(wide.levels).toEqual([{ shots: 1, how: 'exhaustive', scope: 'library', measured: 7, atBest: 1 }])
    expect(wide.rows[0]!.demonstrations).toEqual([20])
    const dear = await measureOracle({
      ...options,
      library: [...options.library, toyQuestion(22, 0, 0)],
      librarySingles: 1,
    })
    expect(dear.levels[0]).toMatchObject({ scope: 'pools', measured: 6 })
  })

  test('a small pool is exhausted at two shots as well', async () => {
    const found = await measureOracle({
      queries: [query],
      pools: pool.slice(0, 3),
      shots: 2,
      stopAt: 'never',
      answer: toyModel().answer,
      score: officialScore,
    })
    expect(found.levels.map(({ how, measured }) => [how, measured])).toEqual([
      ['exhaustive', 3],
      ['exhaustive', 6],
    ])
    expect(found.measured.get(1)).toHaveLength(9)
  })

  test('for the worst, stops at an answer that scores 0 and finds the same as measuring all', async () => {
    const wrongFor = (id: number): ReturnType<typeof toyModel> =>
      toyModel(({ demonstrations: [one] }) => (one!.id === id ? 'nothing' : 'blick2 dax3'))
    const worstOf = async (stopAt: 'worst' | 'never', id: number, known: readonly EvaluationRow[] = []) => {
      const model = wrongFor(id)
      const options = { queries: [query], pools: many, shots: 1, score: officialScore, known, stopAt }
      const { measured } = await measureOracle({ ...options, answer: model.answer })
      const context = { query, pool: many, embeddings: {}, random: createRandom(0) }
      return { ids: await worst({ measured }).select(context, 1), asked: model.calls.flat().length }
    }
    const many = Array.from({ length: 40 }, (_, i) => toyQuestion(10 + i, 0, 0))
    expect(await worstOf('worst', 12)).toEqual({ ids: [12], asked: 8 })
    expect(await worstOf('never', 12)).toEqual({ ids: [12], asked: 40 })
    expect(await worstOf('worst', 99)).toEqual({ ids: [10], asked: 40 })
    const { rows } = await evaluateSelectors({
      ...{ queries: [query], pools: many, shots: [1], score: officialScore, answer: wrongFor(33).answer },
      selectors: [{ ...random(), seeded: false, select: () => [33] }],
    })
    expect(await worstOf('worst', 33, rows)).toEqual({ ids: [33], asked: 0 })
  })

  test('is never below a selector whose rows it was given', async () => {
    // A model that answers right exactly for one triple that no search would propose.
    const secret = [10, 11, 15]
    const model = toyModel(({ demonstrations }) =>
      demonstrations.map(({ id }) => id).join() === secret.join() ? 'blick2 dax3' : '',
    )
    const options = { queries: [query], pools: pool, answer: model.answer, score: officialScore }
    const luck = {
      ...random({ name: 'luck' }),
      seeded: false,
      select: (_: unknown, k: number) => secret.slice(0, k),
    }
    const { rows } = await evaluateSelectors({ ...options, selectors: [luck], shots: [3] })
    const without = await measureOracle({ ...options, shots: 3, budget: 5 })
    const found = await measureOracle({ ...options, shots: 3, budget: 5, known: rows })
    expect(without.rows[2]!.accuracy).toBe(0)
    expect(found.rows[2]).toMatchObject({ accuracy: 1, demonstrations: secret })
    const chosen = await evaluateSelectors({
      ...options,
      selectors: [oracle({ measured: found.measured })],
      shots: [3],
    })
    expect(chosen.rows[0]).toEqual(found.rows[2])
  })

  test('stops a query at the accuracy of its best human answer', async () => {
    const easy = { ...query, id: 2, answers: ['blick2', 'dax3', 'x', 'y', 'z', 'u', 'v', 'w', 's', 't'] }
    expect(bestReachable(easy, officialScore)).toBeCloseTo(0.3, 12)
    const model = toyModel()
    const found = await measureOracle({
      queries: [easy],
      pools: pool,
      shots: 1,
      answer: model.answer,
      score: officialScore,
    })
    expect(found.levels[0]).toMatchObject({ how: 'exhaustive', atBest: 1 })
  })

  test('reports progress and failures', async () => {
    const events: string[] = []
    const found = await measureOracle({
      queries: [query],
      pools: pool.slice(0, 2),
      shots: 1,
      answer: (prompts) => Promise.resolve(prompts.map(() => ({ text: '', error: 'broken' }))),
      score: officialScore,
      onProgress: ({ shots, done, total }) => events.push(`${shots}: ${done}/${total}`),
    })
    expect(events).toEqual(['1: 0/2', '1: 2/2'])
    expect(found.rows[0]).toMatchObject({ accuracy: null, mode: 'error' })
    expect(found.levels[0]!.how).toBe('best known')
  })

  test('says early how much there is to measure, and at the end what was measured', async () => {
    const model = toyModel()
    const queries = Array.from({ length: 40 }, (_, i) => ({ ...query, id: 500 + i }))
    const events: { done: number; total: number }[] = []
    const { prompts } = await measureOracle({
      queries,
      pools: pool,
      shots: 3,
      answer: model.answer,
      score: officialScore,
      onProgress: (event) => events.push(event),
    })
    expect(events.at(-1)).toMatchObject({ done: prompts.prompts, total: prompts.prompts })
    const actual = prompts.prompts
    for (const { total } of events) {
      expect(total).toBeGreaterThan(actual / 2)
      expect(total).toBeLessThan(4 * actual)
    }
    events.forEach(({ done }, i) => expect(done).toBeGreaterThanOrEqual(events[i - 1]?.done ?? 0))
  })
})
