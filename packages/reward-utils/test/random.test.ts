import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { createRandom, restoreRandom } from '../src/random.ts'

const draws = (n: number, draw: () => number): number[] => Array.from({ length: n }, draw)
const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length

describe('createRandom', () => {
  test('gives the same numbers on every platform and in every version', () => {
    const random = createRandom(7, 'pool', 42)
    expect(draws(3, () => random.next())).toEqual([
      0.8672258270388583, 0.7385945380823326, 0.33941703075443896,
    ])
    expect(draws(5, () => random.int(1000))).toEqual([910, 962, 13, 709, 851])
    expect(draws(3, () => random.normal())).toEqual([
      0.7299444505671175, -1.0255028125000258, 0.6749146044439308,
    ])
    expect(createRandom(1).shuffle([0, 1, 2, 3, 4, 5, 6, 7])).toEqual([0, 7, 6, 2, 3, 1, 4, 5])
    expect(createRandom('seed').state()).toEqual([1502521422, 85797659, 647894429, 3779512156])
  })

  test('is xoshiro128**: the reference implementation from state 1, 2, 3, 4', () => {
    const random = restoreRandom([1, 2, 3, 4])
    expect(draws(10, () => random.int(2 ** 32))).toEqual([
      11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597, 4258142804,
    ])
  })

  test('paths are unambiguous and independent', () => {
    const paths: (readonly [number | string, ...(number | string)[]])[] = [
      [7],
      ['7'],
      [7, 'a'],
      [7, 'a', 'b'],
      [7, 'ab'],
      [7, 'a', 1],
      [7, 'a', 2],
      [71],
      [7, 1],
      [1, 7],
      [-7],
      [''],
    ]
    const states = paths.map(([seed, ...path]) =>
      createRandom(seed, ...path)
        .state()
        .join(),
    )
    expect(new Set(states).size).toBe(paths.length)
  })

  test('neighbouring seeds give unrelated streams', () => {
    const first = draws(
      4000,
      (
        (i) => () =>
          createRandom(i++, 'x').next()
      )(0),
    )
    expect(mean(first)).toBeCloseTo(0.5, 1)
    const lag = mean(first.slice(1).map((value, i) => (value - 0.5) * (first[i]! - 0.5)))
    expect(Math.abs(lag)).toBeLessThan(0.006)
  })

  test('refuses seeds that are not finite', () => {
    expect(() => createRandom(Number.NaN)).toThrow('reward-utils: a seed or path element')
    expect(() => createRandom(1, Infinity)).toThrow(RangeError)
  })
})

describe('the numbers', () => {
  test('next is uniform: chi-squared over 64 cells of 64000 draws', () => {
    const random = createRandom(3)
    const cells = new Array<number>(64).fill(0)
    for (let i = 0; i < 64000; i++) cells[Math.floor(random.next() * 64)]!++
    const chi = cells.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0)
    expect(chi).toBeGreaterThan(33)
    expect(chi).toBeLessThan(103)
  })

  test('int covers its range evenly, also above 2^32', () => {
    const random = createRandom(4)
    const counts = new Array<number>(7).fill(0)
    for (let i = 0; i < 14000; i++) counts[random.int(7)]!++
    for (const count of counts) expect(Math.abs(count - 2000)).toBeLessThan(200)
    const wide = draws(2000, () => random.int(3 * 2 ** 40))
    expect(mean(wide) / (3 * 2 ** 39)).toBeCloseTo(1, 1)
    expect(createRandom(5).int(1)).toBe(0)
    for (const n of [0, -1, 1.5, Number.NaN, 2 ** 53 + 2]) expect(() => random.int(n)).toThrow(RangeError)
  })

  test('normal has mean 0, variance 1 and the tails of a Gaussian', () => {
    const random = createRandom(5)
    const values = draws(40000, () => random.normal())
    expect(mean(values)).toBeCloseTo(0, 1)
    expect(mean(values.map((value) => value * value))).toBeCloseTo(1, 1)
    const outside = values.filter((value) => Math.abs(value) > 1.959964).length / values.length
    expect(outside).toBeGreaterThan(0.045)
    expect(outside).toBeLessThan(0.055)
  })

  test('shuffle and sample', () => {
    fc.assert(
      fc.property(fc.integer(), fc.array(fc.integer()), fc.nat(100), (seed, items, share) => {
        const shuffled = createRandom(seed).shuffle(items)
        expect([...shuffled].sort()).toEqual([...items].sort())
        const k = Math.floor((items.length * share) / 100)
        expect(createRandom(seed).sample(items, k)).toEqual(shuffled.slice(0, k))
      }),
    )
    const first = new Array<number>(5).fill(0)
    for (let seed = 0; seed < 5000; seed++) first[createRandom(seed).sample([0, 1, 2, 3, 4], 2)[1]!]!++
    for (const count of first) expect(Math.abs(count - 1000)).toBeLessThan(120)
    expect(() => createRandom(1).sample([1, 2], 3)).toThrow('cannot sample 3 of 2 items')
    expect(() => createRandom(1).sample([1, 2], -1)).toThrow(RangeError)
  })
})

describe('restoreRandom', () => {
  test('continues where the state was taken', () => {
    fc.assert(
      fc.property(fc.integer(), fc.nat(50), (seed, skip) => {
        const random = createRandom(seed)
        for (let i = 0; i < skip; i++) random.normal()
        const copy = restoreRandom(random.state())
        expect(draws(5, () => copy.next())).toEqual(draws(5, () => random.next()))
      }),
    )
  })

  test('refuses what is not a state', () => {
    for (const state of [[], [0, 0, 0, 0], [1, 2, 3], [1, 2, 3, -1], [1, 2, 3, 2 ** 32], [1, 2, 3, 0.5]]) {
      expect(() => restoreRandom(state)).toThrow('reward-utils: a random state')
    }
  })
})
