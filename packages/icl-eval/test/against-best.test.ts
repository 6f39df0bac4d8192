import { describe, expect, test } from '@jest/globals'
import { createRandom } from '@lever/reward-utils'
import { againstBest } from '../src/summary/against-best.ts'
import { summarize } from '../src/summary/summarize.ts'
import type { Comparison } from '../src/summary/types.ts'
import type { EvaluationRow } from '../src/types.ts'

const BASELINES = ['bm25', 'mmr', 'rices-image', 'rices-text', 'rices-both', 'mmices', 'random', 'k-means']

describe('the difference to the best baseline', () => {
  const samples = (shift: number): Float64Array =>
    Float64Array.from({ length: 1001 }, (_, i) => shift + i / 1000)

  test('lies above the lowest lower end, and below the lowest corrected upper end', () => {
    const { ci, p } = againstBest(
      [
        { delta: 0.5, samples: samples(0), p: 0.01 },
        { delta: 0.6, samples: samples(0.1), p: 0.02 },
      ],
      0.9,
    )
    expect(ci[0]).toBeCloseTo(0.05, 12)
    expect(ci[1]).toBeCloseTo(0.975, 12)
    expect(p).toBe(0.02)
  })

  test('below one baseline is below the best of them, at m times its p', () => {
    const differences = [-0.1, 0.2, -0.3].map((delta, i) => ({
      delta,
      samples: samples(delta),
      p: [0.04, 0.001, 0.02][i]!,
    }))
    expect(againstBest(differences, 0.95).p).toBeCloseTo(0.06, 12)
  })

  test('of one baseline alone is the plain interval', () => {
    const { ci, p } = againstBest([{ delta: 0.5, samples: samples(0), p: 0.3 }], 0.95)
    expect([...ci, p]).toEqual([expect.closeTo(0.025, 12), expect.closeTo(0.975, 12), 0.3])
  })

  test('holds the truth where the one picked on the same questions is above it by luck', () => {
    const draws = 100
    let [held, plain] = [0, 0]
    for (let draw = 0; draw < draws; draw++) {
      const rows = rowsOf(draw)
      const difference = (baselines: string[]): Comparison =>
        summarize(rows, {
          baselines,
          resamples: 200,
          gap: { from: [], to: 'oracle' },
          seed: draw,
        }).table.find(({ selector }) => selector === 'pointer')!.comparisons[0]!
      const best = difference(['best baseline'])
      const same = difference([best.baseline])
      expect(best.delta).toBe(same.delta)
      if (holdsNothing(best)) held += 1
      if (holdsNothing(same)) plain += 1
    }
    expect(held / draws).toBeGreaterThanOrEqual(0.93)
    expect(plain / draws).toBeLessThan(0.9)
  }, 120_000)
})

/** All selectors answer alike: 40 questions, right half of the time, so the true difference is 0. */
function rowsOf(draw: number): EvaluationRow[] {
  return ['pointer', ...BASELINES].flatMap((selector) => {
    const random = createRandom(draw, selector)
    return Array.from({ length: 40 }, (_, query) => ({
      ...{ query, image: query, selector, shots: 1, seed: null, demonstrations: [] },
      ...{ answer: '', accuracy: random.int(2), mode: 'file' as const },
    }))
  })
}

const holdsNothing = ({ ci: [low, high] }: Comparison): boolean => low <= 0 && high >= 0
