import { describe, expect, test } from '@jest/globals'
import { createRandom } from '@lever/reward-utils'
import { bootstrapMeans } from '../src/statistics/bootstrap.ts'
import { clustersOf, singletons } from '../src/statistics/clusters.ts'
import { gapClosed, gapClosedInterval } from '../src/statistics/gap.ts'
import { signFlipP } from '../src/statistics/sign-flip.ts'
import { spread } from '../src/statistics/spread.ts'
import { clusters, difference, images } from './paired.ts'

describe('signFlipP', () => {
  const d = [0.3, -0.1, 0.6, 0.9, 0, -0.3, 0.3, 1]
  // scipy.stats.permutation_test((d,), mean, permutation_type='samples', n_resamples=inf), d or the sums per cluster
  test('is exact for few clusters', () => {
    const random = createRandom(1)
    expect(signFlipP({ columns: [d], clusters: singletons(8), random })[0]).toBe(0.125)
    expect(signFlipP({ columns: [d], clusters: clustersOf([0, 0, 1, 1, 2, 3, 3, 4]), random })[0]).toBe(0.25)
    expect(signFlipP({ columns: [difference], clusters, random })[0]).toBe(0.515625)
  })

  test('random flips come close to the exact value and never give 0', () => {
    const doubled = clustersOf([...images, ...images.map((id) => id + 100)])
    const column = [...difference, ...difference.map(() => 0)]
    const p = signFlipP({ columns: [column], clusters: doubled, random: createRandom(2), resamples: 20_000 })
    expect(Math.abs(p[0]! - 0.515625)).toBeLessThan(0.015)
    const sure = new Array<number>(60).fill(1)
    const smallest = signFlipP({
      columns: [sure],
      clusters: singletons(60),
      random: createRandom(3),
      resamples: 99,
    })
    expect(smallest[0]).toBe(0.01)
  })

  test('no difference gives 1, missing pairs do not count', () => {
    const columns = [
      [0, 0, 0],
      [NaN, NaN, NaN],
      [1, NaN, 1],
    ]
    expect(Array.from(signFlipP({ columns, clusters: singletons(3), random: createRandom(1) }))).toEqual([
      1, 1, 0.5,
    ])
  })

  test.each([1, 2, 5, 13, 40])(
    'an exact tie gives 1, whatever rounding leaves of it, %d images',
    (images) => {
      const ids = Array.from({ length: 2 * images }, (_, i) => i >> 1)
      const column = ids.map((_, i) => (i % 2 === 0 ? 0.9 - 0.6 : 0.3 - 0.6))
      expect(column[0]! + column[1]!).not.toBe(0)
      const [p] = signFlipP({ columns: [column], clusters: clustersOf(ids), random: createRandom('tie') })
      expect(p).toBe(1)
    },
  )
})

describe('gapClosed', () => {
  test('is 0 at random, 1 at the oracle, null without a gap', () => {
    expect(gapClosed(0.5, 0.2, 0.8)).toBeCloseTo(0.5, 12)
    expect(gapClosed(0.2, 0.2, 0.8)).toBe(0)
    expect(gapClosed(0.8, 0.2, 0.8)).toBe(1)
    expect(gapClosed(0.1, 0.2, 0.8)).toBeLessThan(0)
    expect(gapClosed(0.5, 0.5, 0.5)).toBeNull()
  })

  test('its interval is that of the ratio over paired resamples', () => {
    const random = [0, 1, 0, 0, 0, 0, 1, 0]
    const oracle = [1, 1, 1, 1, 1, 0, 1, 1]
    const half = random.map((value, i) => (value + oracle[i]!) / 2)
    const bootstrap = bootstrapMeans({
      columns: [half, random, oracle],
      clusters: singletons(8),
      random: createRandom(4),
      resamples: 500,
    })
    const gap = gapClosedInterval(bootstrap, { x: 0, random: 1, oracle: 2 })
    expect(gap.value).toBeCloseTo(0.5, 12)
    expect(gap.ci![0]).toBeCloseTo(0.5, 12)
    expect(gap.ci![1]).toBeCloseTo(0.5, 12)
    expect(gapClosedInterval(bootstrap, { x: 0, random: 1, oracle: 1 })).toEqual({ value: null, ci: null })
  })

  test('has no interval where the gap is made by a few questions', () => {
    const interval = (better: number): unknown => {
      const random = new Array<number>(40).fill(0)
      const oracle = random.map((_, i) => (i < better ? 1 : 0))
      const bootstrap = bootstrapMeans({
        columns: [oracle, random, oracle],
        clusters: singletons(40),
        random: createRandom(6),
        resamples: 2000,
      })
      return gapClosedInterval(bootstrap, { x: 0, random: 1, oracle: 2 })
    }
    // (39/40)^40 = 36 % and (36/40)^40 = 1.5 % of the resamples have no gap.
    expect(interval(1)).toEqual({ value: 1, ci: null })
    expect(interval(4)).toEqual({ value: 1, ci: [1, 1] })
  })

  test('a gap that is only rounding is none', () => {
    expect(gapClosed(0.5, 0.3, 0.1 + 0.2)).toBeNull()
    expect(gapClosed(0.31, 0.3, 0.31)).toBeCloseTo(1, 12)
  })
})

describe('spread', () => {
  // numpy.std(v, ddof=1), scipy.stats.t.interval(.95, 4, mean, sem)
  test('over seeds', () => {
    const { mean, sd, ci, min, max, n } = spread([0.61, 0.64, 0.59, 0.66, 0.62])
    expect([n, min, max]).toEqual([5, 0.59, 0.66])
    expect(mean).toBeCloseTo(0.624, 12)
    expect(sd).toBeCloseTo(0.027018512172212617, 12)
    expect(ci![0]).toBeCloseTo(0.5904520861507334, 9)
    expect(ci![1]).toBeCloseTo(0.6575479138492666, 9)
  })

  test('one seed and none', () => {
    expect(spread([0.4])).toMatchObject({ mean: 0.4, sd: null, ci: null })
    expect(() => spread([])).toThrow('at least one')
  })

  test('of more values than a call takes arguments', () => {
    const values = Array.from({ length: 300_000 }, (_, i) => i % 2)
    expect(spread(values)).toMatchObject({ n: 300_000, mean: 0.5, min: 0, max: 1 })
  })
})
