import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { NORMALIZE_METHODS, computeAdvantages, groupStatistics, normalizeGroup } from '../src/index.ts'

const rewards = fc.array(fc.double({ min: -5, max: 5, noNaN: true }), { minLength: 2, maxLength: 20 })
const near = (got: ArrayLike<number>, wanted: readonly number[]): void => {
  expect(got).toHaveLength(wanted.length)
  wanted.forEach((value, i) => expect(got[i]).toBeCloseTo(value, 10))
}

describe('groupStatistics', () => {
  test('sample standard deviation', () => {
    expect(groupStatistics([0, 1, 2])).toEqual({ size: 3, mean: 1, std: 1, status: 'informative' })
  })

  test('empty, single and flat groups', () => {
    expect(groupStatistics([])).toEqual({ size: 0, mean: 0, std: 0, status: 'empty' })
    expect(groupStatistics([4])).toEqual({ size: 1, mean: 4, std: 0, status: 'single' })
    expect(groupStatistics([0.1, 0.1, 0.1])).toEqual({ size: 3, mean: 0.1, std: 0, status: 'flat' })
    expect(groupStatistics([0.1 + 0.2, 0.3]).status).toBe('flat')
    expect(groupStatistics([0, 1e-9]).status).toBe('informative')
  })

  test('magnitudes near the largest number', () => {
    const { mean, std } = groupStatistics([1e308, -1e308, 0])
    expect(mean).toBe(0)
    expect(std).toBeCloseTo(1e308, -300)
    expect(groupStatistics([1e308, 1e308])).toMatchObject({ mean: 1e308, status: 'flat' })
  })

  test('refuses what is not finite', () => {
    for (const bad of [Number.NaN, Infinity, -Infinity]) {
      expect(() => groupStatistics([1, bad])).toThrow('reward 1 of the group must be a finite number')
    }
  })
})

describe('normalizeGroup', () => {
  test('z_score, z_score_clamp, rank_normalize, none', () => {
    near(normalizeGroup([0, 1, 2], { method: 'z_score' }).values, [-1, 0, 1])
    const spike = [...new Array<number>(19).fill(0), 1]
    expect(normalizeGroup(spike, { method: 'z_score' }).values[19]).toBeCloseTo(4.2485, 4)
    expect(normalizeGroup(spike).values[19]).toBe(3)
    expect(normalizeGroup(spike, { clamp: 2 }).values[19]).toBe(2)
    near(normalizeGroup([5, 1, 3], { method: 'rank_normalize' }).values, [1, -1, 0])
    near(normalizeGroup([5, 1], { method: 'none' }).values, [5, 1])
  })

  test('ties share their average rank', () => {
    near(normalizeGroup([2, 1, 1, 0], { method: 'rank_normalize' }).values, [1, 0, 0, -1])
    near(normalizeGroup([1, 1, 0], { method: 'rank_normalize' }).values, [0.5, 0.5, -1])
  })

  test.each(NORMALIZE_METHODS)('%s gives exact zeros for a flat group and for one pointer', (method) => {
    const flat = normalizeGroup([0.7, 0.7, 0.7], { method })
    expect(flat.status).toBe('flat')
    expect(Array.from(flat.values)).toEqual([0, 0, 0])
    expect(normalizeGroup([2], { method })).toMatchObject({ status: 'single', values: new Float64Array(1) })
    expect(normalizeGroup([], { method }).values).toHaveLength(0)
  })

  test.each(NORMALIZE_METHODS)(
    '%s keeps the order and does not depend on where a reward stands',
    (method) => {
      fc.assert(
        fc.property(rewards, (values) => {
          const { values: normalized } = normalizeGroup(values, { method })
          const backwards = normalizeGroup([...values].reverse(), { method }).values
          values.forEach((a, i) => {
            expect(backwards[values.length - 1 - i]).toBeCloseTo(normalized[i]!, 8)
            values.forEach((b, j) => {
              if (a > b) expect(normalized[i]!).toBeGreaterThanOrEqual(normalized[j]!)
            })
          })
        }),
      )
    },
  )

  test('z-scores have mean 0 and standard deviation 1; ranks have mean 0 and stay in -1..1', () => {
    fc.assert(
      fc.property(rewards, (values) => {
        fc.pre(groupStatistics(values).std > 1e-6)
        const z = groupStatistics(normalizeGroup(values, { method: 'z_score' }).values)
        expect(z.mean).toBeCloseTo(0, 6)
        expect(z.std).toBeCloseTo(1, 6)
        const ranks = normalizeGroup(values, { method: 'rank_normalize' }).values
        expect(ranks.reduce((a, b) => a + b, 0)).toBeCloseTo(0, 8)
        for (const rank of ranks) expect(Math.abs(rank)).toBeLessThanOrEqual(1)
      }),
    )
  })

  test('refuses a clamp that is not positive and unknown methods', () => {
    expect(() => normalizeGroup([1, 2], { clamp: 0 })).toThrow('clamp must be positive')
    expect(() => normalizeGroup([1, 2], { method: 'minmax' as 'none' })).toThrow(
      'unknown normalisation minmax',
    )
  })
})

describe('computeAdvantages', () => {
  const groups = [[0, 1, 2], [1, 1], [5], [0, 4]]

  test('group', () => {
    const { values, flat, single, statistics } = computeAdvantages(groups)
    near(values[0]!, [-1, 0, 1])
    expect(Array.from(values[1]!)).toEqual([0, 0])
    expect(Array.from(values[2]!)).toEqual([0])
    near(values[3]!, [-Math.SQRT1_2, Math.SQRT1_2])
    expect([flat, single]).toEqual([1, 1])
    expect(statistics.map(({ status }) => status)).toEqual(['informative', 'flat', 'single', 'informative'])
  })

  test('batch divides by the standard deviation of all rewards', () => {
    const { std } = groupStatistics([0, 1, 2, 0, 4])
    const { values } = computeAdvantages(
      [
        [0, 1, 2],
        [0, 4],
      ],
      { scaling: 'batch' },
    )
    near(values[0]!, [-1 / std, 0, 1 / std])
    near(values[1]!, [-2 / std, 2 / std])
  })

  test('none and rloo', () => {
    near(computeAdvantages([[0, 4]], { scaling: 'none' }).values[0]!, [-2, 2])
    near(computeAdvantages([[0, 1, 5]], { scaling: 'rloo', clip: null }).values[0]!, [-3, -1.5, 4.5])
    near(computeAdvantages([[0, 1, 5]], { scaling: 'rloo', clip: 4 }).values[0]!, [-3, -1.5, 4])
  })

  test('the smallest standard deviation', () => {
    near(computeAdvantages([[0, 0.01]]).values[0]!, [-0.05, 0.05])
    near(computeAdvantages([[0, 0.01]], { minStd: 0 }).values[0]!, [-Math.SQRT1_2, Math.SQRT1_2])
  })

  test('sum to zero without a clip', () => {
    fc.assert(
      fc.property(
        fc.array(rewards, { minLength: 1, maxLength: 4 }),
        fc.constantFrom('group', 'batch', 'none', 'rloo'),
        (many, scaling) => {
          for (const values of computeAdvantages(many, { scaling, clip: null }).values) {
            expect(values.reduce((a, b) => a + b, 0)).toBeCloseTo(0, 6)
          }
        },
      ),
    )
  })

  test('refuses bad options and rewards', () => {
    expect(() => computeAdvantages([[1, Number.NaN]])).toThrow('must be a finite number')
    expect(() => computeAdvantages(groups, { minStd: -1 })).toThrow('minStd')
    expect(() => computeAdvantages(groups, { clip: 0 })).toThrow('clip must be positive')
    expect(() => computeAdvantages(groups, { scaling: 'x' as 'none' })).toThrow('unknown scaling x')
    expect(computeAdvantages([]).values).toEqual([])
  })
})
