import { describe, expect, test } from '@jest/globals'
import {
  createSelector,
  evaluateSelectors,
  lookUpEmbeddings,
  measureOracle,
  overLibrary,
  random,
  resolveSelectors,
  SELECTOR_NAMES,
  withinPool,
} from '../src/index.ts'
import type { EvaluateOptions, Example, SelectorName } from '../src/index.ts'
import { officialScore, toyModel, toyQuestions } from './toy-world.ts'

const library = toyQuestions(40, 100)
/** Two of the library itself, and ten others about the same 16 images. */
const queries = [...library.slice(0, 2), ...toyQuestions(10, 500)]
const pools = new Map(queries.map(({ id }) => [id, library.slice(20, 26)]))

/** The angle of an example, in radians; no two examples are equally far from a third. */
const angleOf = (id: number): number => (id % 50) ** 1.5 / 200

/** Unit vectors at the angle of each example. */
function table(examples: readonly Example[]): { ids: number[]; data: Float32Array; dim: number } {
  const data = Float32Array.from(examples.flatMap(({ id }) => [Math.cos(angleOf(id)), Math.sin(angleOf(id))]))
  return { ids: examples.map(({ id }) => id), data, dim: 2 }
}

const kind = { queries: table(queries), candidates: table(library) }
const embeddings = lookUpEmbeddings({ image: kind, text: kind, both: kind })

const settings = (selectors: EvaluateOptions['selectors']): EvaluateOptions => ({
  ...{ queries, pools, library, embeddings, score: officialScore, selectors },
  answer: toyModel().answer,
  shots: [1, 3],
  seeds: [0, 1],
})

const DERIVED: readonly SelectorName[] = [
  'agreement',
  'pointer',
  'pool',
  'reversed',
  'shuffled',
  'worst',
  'oracle',
]
const baselines = SELECTOR_NAMES.filter((name) => !DERIVED.includes(name) && name !== 'static')

describe.each(baselines)('%s over the library', (name) => {
  test('may choose any example but the query and those about its image', async () => {
    const { rows } = await evaluateSelectors(settings([createSelector(name)]))
    const byId = new Map(library.map((example) => [example.id, example]))
    for (const { query, demonstrations } of rows) {
      const asked = queries.find(({ id }) => id === query)!
      for (const id of demonstrations) expect(byId.get(id)!.imageId).not.toBe(asked.imageId)
    }
    const outside = rows.flatMap(({ demonstrations }) => demonstrations).filter((id) => id < 120 || id > 125)
    if (name !== 'zero-shot' && name !== 'majority-vote') expect(outside.length).toBeGreaterThan(0)
  })

  test('chooses from the pool of the query as pool:NAME, where the same seed gives the same', async () => {
    const [within] = resolveSelectors([`pool:${name}`])
    expect(within!.name).toBe(`pool:${name}`)
    const { rows } = await evaluateSelectors(settings([within!]))
    for (const { demonstrations } of rows) {
      for (const id of demonstrations) expect(pools.get(rows[0]!.query)!.map((one) => one.id)).toContain(id)
    }
  })
})

const distance = (a: number, b: number): number => Math.abs(angleOf(a) - angleOf(b))

test('rices-both takes the nearest of the library, the most similar last', async () => {
  const { rows } = await evaluateSelectors(settings(resolveSelectors(['rices-both', 'reversed:rices-both'])))
  for (const { selector, query, demonstrations, shots } of rows) {
    const { imageId } = queries.find(({ id }) => id === query)!
    const nearest = library
      .filter((example) => example.id !== query && example.imageId !== imageId)
      .sort((a, b) => distance(a.id, query) - distance(b.id, query))
      .slice(0, shots)
      .map(({ id }) => id)
    expect(demonstrations).toEqual(selector === 'rices-both' ? nearest.toReversed() : nearest)
  }
})

test('k-means clusters a library once: queries differ only by what they may not be shown', async () => {
  const { rows } = await evaluateSelectors(settings([createSelector('k-means')]))
  const sets = rows
    .filter(({ seed, shots }) => seed === 0 && shots === 3)
    .map(({ demonstrations }) => demonstrations.toSorted((a, b) => a - b).join(' '))
  expect(new Set(sets).size).toBeLessThan(sets.length / 2)
})

test('the oracle counts what selectors chose outside the pool, and says nothing of the library', async () => {
  const { rows } = await evaluateSelectors(settings([overLibrary(random())]))
  const oracle = await measureOracle({
    ...{ queries, pools, library, score: officialScore, answer: toyModel().answer },
    ...{ shots: 1, known: rows, onProgress: () => undefined },
  })
  const best = new Map(oracle.rows.map((row) => [row.query, row.accuracy!]))
  for (const row of rows)
    if (row.shots === 1) expect(best.get(row.query)).toBeGreaterThanOrEqual(row.accuracy!)
  expect(oracle.levels[0]!.how).toBe('exhaustive')
})

test('a library selector without a library, and the names of before, are refused', async () => {
  const { queries: asked, pools: given, answer, score } = settings([])
  const without = { queries: asked, pools: given, answer, score, selectors: [createSelector('bm25')] }
  await expect(evaluateSelectors(without)).rejects.toThrow('bm25 chooses from the library')
  expect(() => resolveSelectors(['similarity-both'])).toThrow(
    'rices-both takes the most similar examples of the whole library, pool:rices-both those of the pool',
  )
  expect(withinPool(random()).scope).toBe('pool')
})
