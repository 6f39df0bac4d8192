import { expect, test } from '@jest/globals'
import { createRandom } from '@lever/reward-utils'
import { mainEffects } from '../src/index.ts'
import type { ValuedPointers } from '../src/index.ts'

/** Values of random pointers in the additive model, [queries] x [size]. */
function drawn(options: {
  readonly effects: readonly number[]
  readonly noise: number
  readonly queries: number
  readonly size: number
  readonly shots: number
}): ValuedPointers[] {
  const { effects, noise, queries, size, shots } = options
  const random = createRandom(7, JSON.stringify(options))
  return Array.from({ length: queries }, () => {
    const base = random.normal()
    return {
      pointers: Array.from({ length: size }, () => {
        const ids = random.sample(
          effects.map((_, id) => id),
          shots,
        )
        const own = ids.reduce((sum, id) => sum + effects[id]! / shots, 0)
        return { ids, value: base + own + noise * random.normal() }
      }),
    }
  })
}

const correlation = (a: readonly number[], b: readonly number[]): number => {
  const centred = (x: readonly number[]): number[] =>
    x.map((v) => v - x.reduce((s, w) => s + w, 0) / x.length)
  const [p, q] = [centred(a), centred(b)]
  const dot = (x: readonly number[], y: readonly number[]): number => x.reduce((s, v, i) => s + v * y[i]!, 0)
  return dot(p, q) / Math.sqrt(dot(p, p) * dot(q, q))
}

test('complete data of single demonstrations: the centred mean, shrunk', () => {
  const value = [
    [0.9, 0.5, 0.1],
    [0.7, 0.4, 0.1],
    [0.5, 0.1, 0.3],
    [0.6, 0.2, 0.1],
  ]
  const found = mainEffects(
    value.map((row) => ({ pointers: row.map((one, id) => ({ ids: [id], value: one })) })),
  )
  const shrink = 4 / (4 + found.shrinkage)
  const centred = [0, 1, 2].map(
    (id) => value.reduce((sum, row) => sum + row[id]! - (row[0]! + row[1]! + row[2]!) / 3, 0) / 4,
  )
  for (const id of [0, 1, 2]) expect(found.effects.get(id)!.effect).toBeCloseTo(shrink * centred[id]!, 8)
  expect(found.effects.get(0)!.count).toBe(4)
  expect(shrink).toBeGreaterThan(0.8)
})

test.each([1, 2, 4])('finds the effects again from pointers of %i', (shots) => {
  const random = createRandom(1, shots)
  const effects = Array.from({ length: 60 }, () => 0.5 * random.normal())
  const found = mainEffects(drawn({ effects, noise: 0.3, queries: 300, size: 12, shots }))
  expect(
    correlation(
      effects,
      effects.map((_, id) => found.effects.get(id)!.effect),
    ),
  ).toBeGreaterThan(0.95)
  expect(found.within).toBeGreaterThan(0.27)
  expect(found.within).toBeLessThan(0.33)
  expect(found.between).toBeGreaterThan(0.35)
  expect(found.between).toBeLessThan(0.65)
})

test('shrinks by how often an example was measured, and to nothing where examples are alike', () => {
  const alike = mainEffects(
    drawn({ effects: Array<number>(40).fill(0), noise: 1, queries: 80, size: 8, shots: 1 }),
  )
  expect(alike.shrinkage).toBeGreaterThan(100)
  expect(Math.max(...[...alike.effects.values()].map(({ effect }) => Math.abs(effect)))).toBeLessThan(0.1)

  const random = createRandom(4)
  const effects = Array.from({ length: 40 }, () => random.normal())
  const many = drawn({ effects, noise: 1, queries: 200, size: 8, shots: 1 })
  const newcomer = { pointers: [{ ids: [99], value: 5 }, ...many[0]!.pointers] }
  const { effects: found, shrinkage } = mainEffects([newcomer, ...many.slice(1)])
  const others = many[0]!.pointers
  const centre = (5 + others.reduce((sum, { value }) => sum + value, 0)) / (others.length + 1)
  expect(found.get(99)!.count).toBe(1)
  expect(found.get(99)!.effect).toBeGreaterThan(0)
  expect(found.get(99)!.effect).toBeLessThan((1.5 * (5 - centre)) / (1 + shrinkage))
})

test('nothing to estimate gives no effects, and equal values effects of 0', () => {
  expect(mainEffects([]).effects.size).toBe(0)
  expect(mainEffects([{ pointers: [{ ids: [1], value: 1 }] }]).effects.size).toBe(0)
  const flat = mainEffects([{ pointers: [1, 2].map((id) => ({ ids: [id], value: 0.4 })) }])
  expect([...flat.effects.values()].map(({ effect }) => effect)).toEqual([0, 0])
})
