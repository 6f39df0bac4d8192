import { describe, expect, test } from '@jest/globals'
import { createRandom } from '@lever/reward-utils'
import { bootstrapMeans } from '../src/statistics/bootstrap.ts'
import { clusteredMean } from '../src/statistics/clustered-mean.ts'
import { clustersOf, singletons } from '../src/statistics/clusters.ts'
import { minimumDetectableEffect } from '../src/statistics/detectable.ts'
import { normalQuantile, regularizedBeta, tQuantile } from '../src/statistics/distributions.ts'
import { holm } from '../src/statistics/holm.ts'
import { percentileInterval, sortedQuantile } from '../src/statistics/interval.ts'
import { mcnemar, mcnemarP } from '../src/statistics/mcnemar.ts'
import { clusters, x, y } from './paired.ts'

// Every number below named "scipy" is from SciPy 1.17.1 (statsmodels 0.14 where said), by the call written beside it.

describe('distributions', () => {
  // scipy.stats.norm.ppf(p)
  test.each([
    [1e-300, -37.0470962993612],
    [1e-10, -6.361340902404056],
    [0.001, -3.090232306167813],
    [0.025, -1.9599639845400545],
    [0.3, -0.5244005127080409],
    [0.5, 0],
    [0.8, 0.8416212335729143],
    [0.975, 1.959963984540054],
    [0.999, 3.090232306167813],
  ])('normalQuantile(%p)', (p, expected) => {
    expect(Math.abs(normalQuantile(p) - expected)).toBeLessThan(1e-13 * Math.max(1, Math.abs(expected)))
  })

  // scipy.stats.t.ppf([.975, .9], df)
  test.each([
    [1, 12.706204736174694, 3.0776835371752544],
    [2, 4.302652729749462, 1.8856180831641272],
    [4, 2.7764451051977934, 1.533206274058944],
    [9, 2.262157162798205, 1.3830287383966329],
    [29, 2.045229642132703, 1.311433647301551],
    [120, 1.9799304050824402, 1.288646233656378],
    [5045, 1.9604343177006625, 1.2817193946698666],
  ])('tQuantile with %p degrees of freedom', (df, at975, at90) => {
    expect(tQuantile(0.975, df)).toBeCloseTo(at975, 9)
    expect(tQuantile(0.9, df)).toBeCloseTo(at90, 9)
    expect(tQuantile(0.025, df)).toBeCloseTo(-at975, 9)
  })

  test('edges', () => {
    expect(tQuantile(0.5, 3)).toBeCloseTo(0, 12)
    expect(regularizedBeta(0, 2, 3)).toBe(0)
    expect(regularizedBeta(1, 2, 3)).toBe(1)
    expect(() => normalQuantile(1)).toThrow('0 < p < 1, got 1')
    expect(() => normalQuantile(NaN)).toThrow(RangeError)
    expect(() => tQuantile(0.9, 0)).toThrow('df > 0')
  })
})

describe('clusters', () => {
  test('are numbered by first appearance, and questions without an image stand alone', () => {
    expect(clustersOf([7, '7', 'a', null, undefined, 'a'])).toEqual({
      index: Int32Array.of(0, 0, 1, 2, 3, 1),
      count: 4,
    })
    expect(clustersOf(['__proto__', 'constructor', '__proto__']).count).toBe(2)
    expect(clustersOf([]).count).toBe(0)
  })
})

describe('quantiles', () => {
  // numpy.percentile([3, 1, 4, 1, 5, 9, 2, 6], [0, 2.5, 33, 50, 97.5, 100])
  test.each([
    [0, 1],
    [0.025, 1],
    [0.33, 2.31],
    [0.5, 3.5],
    [0.975, 8.475],
    [1, 9],
  ])('%p', (q, expected) => {
    expect(sortedQuantile([1, 1, 2, 3, 4, 5, 6, 9], q)).toBeCloseTo(expected, 12)
  })

  test('edges', () => {
    expect(sortedQuantile([], 0.5)).toBeNaN()
    expect(sortedQuantile([4], 0.9)).toBe(4)
    expect(() => sortedQuantile([1], 1.1)).toThrow('got 1.1')
    expect(percentileInterval([NaN, 2, Infinity, 2])).toEqual([2, 2])
    expect(() => percentileInterval([1], 1)).toThrow('level')
  })
})

describe('bootstrapMeans', () => {
  // scipy.stats.bootstrap over the 12 images, statistic = sum of values / number of values of the drawn images,
  // method='percentile', n_resamples=200000, random_state=1
  test('agrees with SciPy on a mean and on a paired difference', () => {
    const { estimates, samples } = bootstrapMeans({
      columns: [x, y],
      clusters,
      random: createRandom(5),
      resamples: 40_000,
    })
    expect(estimates[0]).toBeCloseTo(0.4425, 12)
    const [low, high] = percentileInterval(samples[0]!)
    expect(low).toBeCloseTo(0.35, 2)
    expect(high).toBeCloseTo(0.5238, 2)
    const paired = percentileInterval(samples[1]!.map((value, r) => value - samples[0]![r]!))
    expect(paired[0]).toBeCloseTo(-0.036, 2)
    expect(paired[1]).toBeCloseTo(0.1, 2)
  })

  test('the same seed gives the same samples; another seed does not', () => {
    const run = (seed: number): Float64Array =>
      bootstrapMeans({ columns: [x], clusters, random: createRandom(seed), resamples: 50 }).samples[0]!
    expect(run(1)).toEqual(run(1))
    expect(run(1)).not.toEqual(run(2))
  })

  test('missing values are left out of sums and counts', () => {
    const { estimates, samples } = bootstrapMeans({
      columns: [
        [1, 0, 1],
        [1, NaN, 1],
        [NaN, NaN, NaN],
      ],
      clusters: singletons(3),
      random: createRandom(1),
      resamples: 200,
    })
    expect(Array.from(estimates)).toEqual([2 / 3, 1, NaN])
    expect(samples[1]!.every((value) => Number.isNaN(value) || value === 1)).toBe(true)
    expect(percentileInterval(samples[1]!)).toEqual([1, 1])
  })

  test('one question, equal values, wrong lengths', () => {
    const one = bootstrapMeans({
      columns: [[0.3]],
      clusters: singletons(1),
      random: createRandom(1),
      resamples: 3,
    })
    expect(Array.from(one.samples[0]!)).toEqual([0.3, 0.3, 0.3])
    const random = createRandom(1)
    expect(() => bootstrapMeans({ columns: [[1]], clusters: singletons(2), random })).toThrow(
      '1 values for 2 cluster',
    )
    expect(() => bootstrapMeans({ columns: [], clusters: singletons(0), random })).toThrow('at least one')
    expect(() => bootstrapMeans({ columns: [[1]], clusters: singletons(1), random, resamples: 0 })).toThrow(
      'resamples',
    )
  })
})

describe('mcnemar', () => {
  // scipy.stats.binomtest(b, b + c, 0.5).pvalue
  test.each([
    [0, 0, 1],
    [1, 5, 0.21875],
    [10, 3, 0.09228515625],
    [7, 7, 1],
    [0, 12, 0.00048828125],
    [40, 70, 0.005447429511444476],
    [300, 420, 8.807756168615114e-6],
  ])('%p against %p', (b, c, expected) => {
    expect(mcnemarP(b, c)).toBeCloseTo(expected, 12)
    expect(mcnemarP(c, b) / expected).toBeCloseTo(1, 9)
  })

  test('counts by a threshold and leaves missing pairs out', () => {
    expect(mcnemar([1, 0.3, 0.6, NaN, 0], [0, 0.9, 0.9, 1, 0])).toEqual({ onlyFirst: 1, onlySecond: 1, p: 1 })
    expect(mcnemar([0.3], [0], { threshold: 0.3 }).onlyFirst).toBe(1)
    expect(() => mcnemar([1], [])).toThrow('1 and 0')
  })
})

describe('holm', () => {
  test('agrees with statsmodels multipletests(p, method="holm")', () => {
    const adjusted = holm([0.01, 0.04, 0.03, 0.005, 0.2, 0.04])
    ;[0.05, 0.12, 0.12, 0.03, 0.2, 0.12].forEach((value, i) => expect(adjusted[i]).toBeCloseTo(value, 12))
  })

  test('edges', () => {
    expect(holm([])).toEqual([])
    expect(holm([0.6, 0.7])).toEqual([1, 1])
    expect(holm([NaN, 0.02])).toEqual([NaN, 0.02])
  })
})

describe('clusteredMean', () => {
  // statsmodels OLS(x, 1).fit(cov_type='cluster', cov_kwds={groups, use_correction: False}).bse * sqrt(12 / 11)
  test('agrees with statsmodels', () => {
    const { mean, standardError, interval, n, clusters: count } = clusteredMean(x, clusters)
    expect([mean, n, count]).toEqual([expect.closeTo(0.4425, 12), 40, 12])
    expect(standardError).toBeCloseTo(0.045218315124817214, 13)
    expect(interval[0]).toBeCloseTo(0.3429751594459301, 10)
    expect(interval[1]).toBeCloseTo(0.54202484055407, 10)
  })

  test('is the ordinary standard error without clusters, and knows no error for one', () => {
    // scipy.stats.sem([1, 2, 4])
    expect(clusteredMean([1, 2, NaN, 4], singletons(4)).standardError).toBeCloseTo(0.8819171036881969, 13)
    expect(clusteredMean([3], singletons(1))).toMatchObject({ mean: 3, standardError: NaN })
    expect(clusteredMean([], singletons(0)).mean).toBeNaN()
  })
})

describe('minimumDetectableEffect', () => {
  // (scipy.stats.norm.ppf(.975) + scipy.stats.norm.ppf(.8)) * .35 / sqrt(n)
  test.each([
    [800, 0.034667848351494265],
    [5046, 0.013803787295145063],
  ])('with %p pairs of standard deviation 0.35', (n, expected) => {
    expect(minimumDetectableEffect({ standardError: 0.35 / Math.sqrt(n) })).toBeCloseTo(expected, 12)
  })
})
