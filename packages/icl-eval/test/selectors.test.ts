import { describe, expect, test } from '@jest/globals'
import { createRandom } from '@lever/reward-utils'
import { createSelector, selectorFrom, SELECTORS, SELECTOR_NAMES } from '../src/selectors/index.ts'
import type { SelectorName } from '../src/selectors/index.ts'
import { selectAll, contextFor } from '../src/selectors/check.ts'
import { similarityBoth } from '../src/selectors/similarity-both.ts'
import type { SelectionContext, Selector } from '../src/selectors/types.ts'
import type { Example } from '../src/types.ts'
import { toyContext, toyExample, toyMeasured } from './conformance.ts'

const examples = Array.from({ length: 12 }, (_, i) => toyExample(i))
const stranger = toyExample(40)
const member = examples[3]!
const pool = examples
const SHOTS = [1, 2, 3, 4]

function build(name: SelectorName, query: Example, from: readonly Example[] = pool): Selector {
  return selectorFrom(name, {
    of: similarityBoth(),
    select: (context, k) => {
      const others = context.pool.filter((example) => example.id !== context.query.id)
      if (k > others.length) throw new RangeError('the toy policy has no more examples')
      return others.slice(0, k).map((example) => example.id)
    },
    measured: toyMeasured(query, from),
    sets: [examples.filter((example) => example.id !== query.id).slice(2, 6)],
  })
}

const allowed = (selector: Selector): number[] => (selector.shots === 'zero' ? [0] : [0, ...SHOTS])

async function choose(selector: Selector, context: SelectionContext, k: number): Promise<readonly number[]> {
  const [ids] = await selectAll(selector, [contextFor(selector, context)], k)
  return ids!
}

describe.each([...SELECTOR_NAMES])('selector %s', (name) => {
  test('has the name of the table, unless it names what it is made of', () => {
    const derived = SELECTORS[name].requires.includes('of') || name === 'vote'
    const expected = derived ? `${name}:similarity-both` : name
    expect(build(name, stranger).name).toBe(expected)
    expect(createSelector(name, { ...requirements(name), name: 'mine' }).name).toBe('mine')
    expect(SELECTORS[name].summary).not.toBe('')
  })

  test.each([
    ['outside the pool', stranger],
    ['inside the pool', member],
  ])('chooses k distinct members and never the query, query %s', async (_, query) => {
    const selector = build(name, query)
    const context = contextFor(selector, toyContext({ query, pool }))
    const ids = new Set(context.pool.map((example) => example.id))
    for (const k of allowed(selector)) {
      const chosen = await selector.select(context, k)
      expect(chosen).toHaveLength(k)
      expect(new Set(chosen).size).toBe(k)
      expect(chosen.every((id) => ids.has(id) && id !== query.id)).toBe(true)
    }
  })

  test('is decided by the stream it is given, and needs it only if it says so', async () => {
    const selector = build(name, stranger)
    const run = async (seed: number): Promise<string> => {
      const chosen = await Promise.all(
        allowed(selector).map((k) =>
          choose(selector, toyContext({ query: stranger, pool, random: createRandom(seed) }), k),
        ),
      )
      return JSON.stringify(chosen)
    }
    expect(await run(1)).toBe(await run(1))
    const different = new Set(await Promise.all([1, 2, 3, 4, 5, 6].map(run)))
    expect(different.size > 1).toBe(selector.seeded)
  })

  test('a nested selector keeps what it chose with fewer shots', async () => {
    const selector = build(name, stranger)
    if (!selector.nested || selector.shots === 'zero') return
    let smaller: readonly number[] = []
    for (const k of SHOTS) {
      const larger = await choose(selector, toyContext({ query: stranger, pool }), k)
      expect(larger).toEqual(expect.arrayContaining([...smaller]))
      smaller = larger
    }
  })

  test('selectMany, where there is one, gives what select gives', async () => {
    const selector = build(name, stranger)
    if (!selector.selectMany) return
    const contexts = [stranger, member].map((query) => toyContext({ query, pool }))
    const many = await selector.selectMany(contexts, 2)
    const single = await Promise.all(
      [stranger, member].map(async (query) => selector.select(toyContext({ query, pool }), 2)),
    )
    expect(many).toEqual(single)
  })

  test('refuses an empty pool, more shots than the pool holds, and k that is not a count', async () => {
    const selector = build(name, stranger)
    const none = build(name, stranger, [])
    const small = toyContext({ query: member, pool: [member, examples[0]!] })
    const own = selector.pool !== undefined
    const attempt = async (s: Selector, context: SelectionContext, k: number): Promise<unknown> =>
      s.select(contextFor(s, context), k)
    await expect(attempt(selector, toyContext({ query: member, pool }), 99)).rejects.toThrow(RangeError)
    if (!own && selector.shots === 'many') {
      await expect(attempt(none, toyContext({ query: stranger, pool: [] }), 1)).rejects.toThrow(RangeError)
      await expect(attempt(selector, small, 2)).rejects.toThrow(RangeError)
    }
    if (selector.shots === 'zero') {
      await expect(attempt(selector, toyContext({ query: stranger, pool }), 1)).rejects.toThrow('not 1')
    }
    if (name === 'pointer' || name === 'agreement') return
    for (const k of [-1, 1.5, NaN]) {
      await expect(attempt(selector, toyContext({ query: stranger, pool }), k)).rejects.toThrow(RangeError)
    }
  })

  test('does not read answers of the query', async () => {
    const selector = build(name, stranger)
    const blind: Example = {
      ...stranger,
      get answer(): string {
        throw new Error('read')
      },
      get answers(): string[] {
        throw new Error('read')
      },
    }
    for (const k of allowed(selector)) {
      const context = contextFor(selector, toyContext({ query: blind, pool }))
      await selector.select(context, k)
      selector.answer?.(context, k)
    }
  })

  test('names a missing embedding', async () => {
    const selector = build(name, stranger)
    const context = { ...toyContext({ query: stranger, pool }), embeddings: {} }
    if (selector.needs.length === 0) return
    await expect((async () => selector.select(context, 1))()).rejects.toThrow(
      /needs (image|both|text) embeddings/,
    )
  })

  test('asks for what it requires', () => {
    for (const option of SELECTORS[name].requires) {
      expect(() => createSelector(name)).toThrow(`needs the option ${option}`)
    }
  })
})

function requirements(name: SelectorName): Parameters<typeof createSelector>[1] {
  const all = { of: similarityBoth(), select: () => [], measured: new Map(), sets: [] }
  return Object.fromEntries(SELECTORS[name].requires.map((option) => [option, all[option]]))
}
