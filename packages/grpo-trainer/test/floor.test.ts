import { describe, expect, test } from '@jest/globals'
import { openPolicy } from '@lever/pointer-model'
import type { Selection } from '@lever/pointer-model'
import type { Group } from '@lever/rl-dataset'
import { crossFittedStatic, rankingOf, staticBaseline } from '../src/floor/baselines.ts'
import { crossFit } from '../src/floor/cross-fit.ts'
import { comparedWith, duel } from '../src/floor/duel.ts'
import type { Contender } from '../src/floor/duel.ts'
import { findFloor } from '../src/floor/floor.ts'
import { formatSelection, selectionEvent } from '../src/floor/text.ts'
import type { MeasureChoices } from '../src/floor/greedy.ts'
import type { PhaseOptions } from '../src/phases.ts'
import { greedyPointers } from '../src/score-policy.ts'
import { runAll, smallModel } from './helpers.ts'
import { makeWorld } from './world.ts'

const way = (name: string, values: readonly number[]): Contender => ({
  name,
  by: 'baseline',
  values: new Map(values.map((value, i) => [i, value])),
})
const spread = [0, 1, 0, 1, 0, 1, 0, 1, 0, 1]

describe('a duel', () => {
  test('is won by more than one standard error, and otherwise by who came first', () => {
    const first = way('first', spread)
    expect(duel([first, way('same', spread)]).name).toBe('first')
    const hardly = spread.map((x, i) => x + (i === 0 ? 1 : i === 1 ? -0.9 : 0))
    expect(duel([first, way('hardly better', hardly)]).name).toBe('first')
    const clearly = spread.map((x) => x + 0.1)
    expect(duel([first, way('hardly better', hardly), way('better', clearly)]).name).toBe('better')
  })

  test('what was chosen on the queries it is judged on needs more of them', () => {
    const many = [...spread, ...spread, 0, 1]
    const better = many.map((x) => x + 1)
    const policy = (count: number): Contender => ({ ...way('policy', better.slice(0, count)), by: 'policy' })
    expect(duel([way('first', many), policy(19)]).name).toBe('first')
    expect(duel([way('first', many), policy(20)]).name).toBe('policy')
  })

  test('what is one of several tries has to beat chance by two standard errors, others by one', () => {
    const by = (points: number): Contender =>
      way(
        'better',
        spread.map((x, i) => x + points + (i % 2 === 0 ? 0.3 : -0.3)),
      )
    const random: Contender = { ...way('random', spread), kind: 'chance' }
    const tried = (points: number): Contender => ({ ...by(points), kind: 'tried' })
    expect(duel([random, tried(0.15)]).name).toBe('random')
    expect(duel([random, tried(0.25)]).name).toBe('better')
    expect(duel([random, by(0.15)]).name).toBe('better')
    expect(duel([way('first', spread), tried(0.15)]).name).toBe('better')
  })

  test('in a family the better mean wins, be it by little', () => {
    const hardly = spread.map((x, i) => x + (i === 0 ? 1 : i === 1 ? -0.9 : 0))
    const [one, two] = [way('one', spread), way('two', hardly)].map((each) => ({ ...each, family: 'rices' }))
    expect(duel([one!, two!]).name).toBe('two')
    expect(duel([two!, one!]).name).toBe('two')
  })

  test('four queries tell nothing; queries that only one was judged on do not count', () => {
    const four = way('four', [9, 9, 9, 9])
    expect(duel([way('first', spread), four]).name).toBe('first')
    const [, compared] = comparedWith([way('first', spread), four], way('first', spread))
    expect(compared!.minusWinner!.queries).toBe(4)
  })
})

const world = makeWorld({ queries: 48, validation: 24, pool: 10, pointers: 8 })
const columns = { both: [0, 8] as const }
const learning: PhaseOptions = { objective: 'listwise', epochs: 12, learningRate: 0.02, batchSize: 8 }

describe('the floor of a training', () => {
  test('a policy that learnt wins over every baseline', async () => {
    const model = smallModel()
    const data = makeWorld({ queries: 48, validation: 120, pool: 10, pointers: 8 })
    const { result } = await runAll({ model, data, phases: [learning] })
    const delivered = await findFloor({ data, columns, trained: [result.best] })
    expect(delivered!.selection).toMatchObject({ by: 'policy', measure: 'reward' })
    expect(delivered!.model.floor).toBeUndefined()
    expect(delivered!.selection.compared.map(({ name }) => name)).toEqual([
      ...['random', 'rices-both', 'mmr', 'static'],
      `${result.best.phase}, epoch ${result.best.epoch}`,
      expect.stringMatching(/^listwise, epoch \d+ \+ [\d.]+ rices-both$/) as unknown,
    ])
    expect(selectionEvent(delivered!.selection).type).toBe('notice')
  })

  test('an untrained policy is never delivered: the best baseline is', async () => {
    const trained = { model: smallModel(), phase: 'init', epoch: 0, step: 0, metrics: {} }
    const delivered = await findFloor({ data: world, columns, trained: [trained] })
    expect(delivered!.selection).toMatchObject({ by: 'baseline', name: 'rices-both' })
    expect(delivered!.model.floor).toEqual({
      baseline: { name: 'rices-both', kind: 'similarity', columns: [0, 8] },
    })
    const event = selectionEvent(delivered!.selection)
    expect(event.type).toBe('warning')
    expect(event.message).toMatch(/nothing better than the baseline rices-both by reward/)
    expect(formatSelection(delivered!.selection)).toMatch(/rices-both .* chosen/)
  })

  test('where candidates differ and queries do not, static wins', async () => {
    const groups = [...world.groups, ...world.validation!].map((group): Group => {
      const values = Float64Array.from({ length: group.size }, (_, g) =>
        Array.from(group.pointers.subarray(2 * g, 2 * g + 2)).reduce(
          (sum, n) => sum + (group.poolRows[n]! % 7 === 0 ? 1 : 0),
          0,
        ),
      )
      const ids = Array.from(group.poolRows)
      return { ...group, poolIds: ids, rawRewards: values, expected: values }
    })
    const data = { ...world, groups: groups.slice(0, 48), validation: groups.slice(48) }
    const trained = { model: smallModel(), phase: 'init', epoch: 0, step: 0, metrics: {} }
    const delivered = await findFloor({ data, columns, trained: [trained] })
    expect(delivered!.selection).toMatchObject({
      by: 'baseline',
      name: 'static',
      measure: 'expected accuracy',
    })
    const { effects } = delivered!.model.floor!.baseline
    expect(effects!['14']).toBeGreaterThan(0)
    expect(effects!['15']).toBeLessThan(0)
  })

  test('without validation nothing can be compared', async () => {
    const trained = { model: smallModel(), phase: 'rce', epoch: 1, step: 9, metrics: {} }
    const data = { ...world, validation: [] }
    expect(await findFloor({ data, columns, trained: [trained] })).toBeUndefined()
  })
})

describe('a check of greedy choices', () => {
  const large = makeWorld({ queries: 48, validation: 120, pool: 10, pointers: 8 })
  const rewarded = (group: Group): Group => ({ ...group, accuracies: group.rawRewards })
  const validation = large.validation!.map(rewarded)
  const data = { ...large, groups: large.groups.map(rewarded), validation }
  const keyOf = (queryId: number, ids: readonly number[]): string => `${queryId}:${ids.join()}`

  test('decides between the finalists, and asks nothing twice nor what was measured', async () => {
    const { result } = await runAll({ model: smallModel(), data, phases: [learning] })
    const trained = [result.best]
    const policy = await openPolicy(result.best.model)
    const own = new Set(
      (await greedyPointers(policy, validation, data)).map((pointer, i) => {
        const { queryId, poolIds } = validation[i]!
        return keyOf(
          queryId,
          Array.from(pointer, (n) => poolIds[n]!),
        )
      }),
    )
    await policy.close()
    const asked: string[] = []
    const find = async (queries: number, worth: (key: string) => number): Promise<Selection> => {
      asked.length = 0
      const measure: MeasureChoices = (choices) => {
        asked.push(...choices.map(({ queryId, pointer }) => keyOf(queryId, pointer)))
        return Promise.resolve(asked.map((key) => ({ accuracy: worth(key) })))
      }
      return (await findFloor({ data, columns, trained, greedy: { queries, measure } }))!.selection
    }
    const title = `${result.best.phase}, epoch ${result.best.epoch}`

    // On measured pointers the policy wins; where its own choices are worth no more than the baseline's, the baseline does.
    const flat = await find(40, () => 0.5)
    expect(flat).toMatchObject({
      by: 'baseline',
      measure: 'accuracy',
      greedy: { queries: 40, prompts: asked.length },
    })
    expect(flat.compared.find(({ name }) => name === title)!.minusWinner).toBeUndefined()
    expect(new Set(asked).size).toBe(asked.length)
    const measured = new Set(
      validation.flatMap(({ queryId, poolIds, pointers, size }) =>
        Array.from({ length: size }, (_, g) =>
          keyOf(
            queryId,
            Array.from(pointers.subarray(2 * g, 2 * g + 2), (n) => poolIds[n]!),
          ),
        ),
      ),
    )
    expect(asked.filter((key) => measured.has(key))).toEqual([])

    const right = await find(1000, (key) => (own.has(key) ? 1 : 0))
    expect(right).toMatchObject({ by: 'policy', name: title, greedy: { queries: 120 } })
    expect(right.greedy!.compared.map(({ by }) => by)).toEqual(['baseline', 'policy', 'mixture'])
    expect(right.greedy!.compared[1]!.value).toBeGreaterThan(0.9)
    expect(formatSelection(right)).toMatch(
      /measured on 120 queries with \d+ prompts:[^]*listwise, epoch \d+ .*chosen/,
    )
    expect(selectionEvent(right).message).toMatch(/by accuracy of what each chooses, on 120 queries$/)
  })

  test('a policy that was judged on all queries chooses for each by the training without it', async () => {
    const few = { ...data, groups: data.groups.slice(0, 24), validation: validation.slice(0, 6) }
    const options = { model: smallModel(), data: few, phases: [learning], seed: 1 }
    const { result } = await runAll(options)
    const [folds] = (await crossFit(options))!
    expect(folds!.flatMap(({ scores }) => [...scores.keys()]).sort()).toEqual(
      [...few.groups, ...few.validation].map(({ queryId }) => queryId).sort(),
    )
    const { selection } = (await findFloor({
      ...{ data: few, columns, trained: [{ ...result.best, folds }] },
      greedy: { queries: 25, measure: (choices) => Promise.resolve(choices.map(() => ({ accuracy: 0 }))) },
    }))!
    expect(selection.greedy!.compared.map(({ queries }) => queries)).toEqual([25, 25, 25])
  })

  test('is refused where the rewards are no accuracy', async () => {
    const trained = [{ model: smallModel(), phase: 'rce', epoch: 1, step: 9, metrics: {} }]
    const greedy = { queries: 5, measure: () => Promise.reject(new Error('asked')) }
    await expect(findFloor({ data: world, columns, trained, greedy })).rejects.toThrow('--validate-greedy 0')
  })
})

test('static is judged on a query by what the other queries say', () => {
  const valuesOf = ({ rawRewards }: Group): Float64Array => rawRewards
  const own = world.groups[0]!
  const others = [own, { ...own, queryId: 1000 }]
  const crossed = rankingOf(crossFittedStatic(others, valuesOf).get(own.queryId)!, own, world)
  const alone = staticBaseline([own], valuesOf).effects!
  const expected = Array.from({ length: own.size }, (_, g) =>
    Array.from(own.pointers.subarray(2 * g, 2 * g + 2)).reduce(
      (sum, n) => sum + (alone[String(own.poolIds[n])] ?? 0),
      0,
    ),
  )
  crossed.forEach((score, g) => expect(score).toBeCloseTo(expected[g]!, 4))
})
