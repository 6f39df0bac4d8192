import { describe, expect, test } from '@jest/globals'
import { findLeakage } from '../src/leakage.ts'
import { pointer } from '../src/selectors/pointer.ts'
import { resolveSelectors } from '../src/selectors/resolve.ts'
import { staticSet } from '../src/selectors/static-set.ts'
import { findStaticSets } from '../src/static-search.ts'
import { officialScore, toyModel, toyQuestions } from './toy-world.ts'

describe('findStaticSets', () => {
  const library = toyQuestions(16, 100)
  const queries = toyQuestions(8, 1)
  const options = { library, queries, score: officialScore, shots: [1, 3], candidates: 6 }

  test('finds the set with the best accuracy on the given questions', async () => {
    const { sets, tried } = await findStaticSets({ ...options, answer: toyModel().answer })
    expect(sets.map((set) => set.length)).toEqual([1, 3])
    for (const k of [1, 3]) {
      const accuracies = tried.get(k)!.map(({ accuracy }) => accuracy)
      expect(accuracies).toHaveLength(6)
      expect(accuracies).toEqual(accuracies.toSorted((a, b) => b - a))
    }
    expect(tried.get(3)![0]!.accuracy).toBeGreaterThan(tried.get(3)!.at(-1)!.accuracy)
    expect(staticSet({ sets }).pool).toHaveLength(new Set(sets.flat()).size)
  })

  test('is decided by its seed, and refuses a library of queries', async () => {
    const run = async (seed: number): Promise<number[]> => {
      const { sets } = await findStaticSets({ ...options, seed, answer: toyModel().answer })
      return sets.flat().map(({ id }) => id)
    }
    expect(await run(1)).toEqual(await run(1))
    expect(await run(1)).not.toEqual(await run(2))
    await expect(findStaticSets({ ...options, library: queries, answer: toyModel().answer })).rejects.toThrow(
      'there are 0',
    )
  })
})

describe('resolveSelectors', () => {
  const rce = pointer({ name: 'pointer-rce', select: () => [] })

  test('knows the table, named policies and derived selectors', () => {
    const names = ['zero-shot', 'mmr', 'pointer-rce', 'reversed:pointer-rce', 'shuffled:reversed:bm25']
    const resolved = resolveSelectors(names, { named: [rce], order: 'best-first' })
    expect(resolved.map(({ name }) => name)).toEqual(names)
    expect(resolved[2]).toBe(rce)
  })

  test.each([
    ['nearest', 'there is no selector nearest; choose one of zero-shot'],
    ['mmr:bm25', 'there is no selector mmr:bm25'],
    ['reversed:', 'there is no selector ;'],
    ['reversed', 'write reversed:rices-both'],
    ['oracle', 'needs the option measured'],
    ['__proto__', 'there is no selector __proto__'],
  ])('%s is an input error', (name, message) => {
    const attempt = (): unknown => resolveSelectors([name])
    expect(attempt).toThrow(message)
    expect(attempt).toThrow(expect.objectContaining({ code: 'LEVER_INPUT' }))
  })
})

describe('findLeakage', () => {
  const example = (
    id: number,
    imageId: number | string | null,
  ): Parameters<typeof findLeakage>[0]['queries'][0] => ({
    id,
    questionId: id,
    imageId,
    question: '',
    answer: '',
    answers: [],
  })

  test('finds shared images and questions', () => {
    const queries = [example(1, 7), example(2, 8), example(3, null), example(4, 9)]
    const pools = [example(1, 7), example(20, '8'), example(21, null)]
    const training = [example(30, 9), example(4, 11)]
    expect(findLeakage({ queries, pools, training })).toEqual({
      imageInPool: [2],
      imageInTraining: [4],
      queryInTraining: [4],
    })
    expect(findLeakage({ queries, pools: [] })).toEqual({
      imageInPool: [],
      imageInTraining: [],
      queryInTraining: [],
    })
  })
})
