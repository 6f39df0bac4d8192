import { describe, expect, test } from '@jest/globals'
import { rankRows } from '@lever/grpo-trainer'
import type { QueryRewards } from '@lever/grpo-trainer'
import * as statistics from '@lever/icl-eval'

describe('the ranking', () => {
  const query = (queryId: number, ranked: number): QueryRewards => ({
    ...{ queryId, imageId: queryId, ranked, reward: 0, measured: true },
    ...{ expected: 0, top: ranked, oracle: 1, random: 0.25 },
  })
  const policyOf = (values: number[]) => ({
    ...{ phase: 'rce', epoch: 1 },
    validation: values.map((value, i) => query(i, value)),
  })
  const finished = (labels: string[], seed: string, values: number[]) => ({
    labels,
    cell: {
      seed,
      name: '',
      folder: '',
      record: {
        ...{ key: '', seconds: 1, parameters: 10 },
        ...{ best: policyOf(values), last: policyOf([]) },
      },
      policy: policyOf(values),
    },
  })

  test('over seeds: mean and standard deviation; of two no interval, which would be 12.7 standard errors wide', () => {
    const rows = rankRows(
      [
        finished(['a'], '0', [0.5, 0.5]),
        finished(['a'], '1', [0.7, 0.7]),
        finished(['b'], '0', [0.6, 0.8]),
        finished(['b'], '1', [0.8, 0.8]),
        finished(['c'], '1', [0.1, 0.3]),
      ],
      'ranked',
      statistics,
    )
    expect(rows.map(({ labels }) => labels[0])).toEqual(['b', 'a', 'c'])
    const [b, a, c] = rows
    expect(b).toMatchObject({ mean: expect.closeTo(0.75, 12) as unknown, behind: null })
    expect(b!.sd).toBeCloseTo(Math.SQRT1_2 * 0.1, 12)
    expect(b!.interval).toBeNull()
    expect(a!.behind!.mean).toBeCloseTo(0.15, 12)
    expect(a!.behind!.n).toBe(2)
    expect(a!.behind!.interval).toBeNull()
    expect(c!.behind).toMatchObject({ mean: expect.closeTo(0.6, 12) as unknown, n: 1 })
    expect(c!.sd).toBeNull()
  })

  test('over three seeds: a paired t interval', () => {
    const rows = rankRows(
      [0.5, 0.6, 0.7].flatMap((value, seed) => [
        finished(['a'], String(seed), [value]),
        finished(['b'], String(seed), [value - 0.1 + 0.01 * seed]),
      ]),
      'ranked',
      statistics,
    )
    const [a, b] = rows
    expect(a!.interval![1]).toBeCloseTo(0.6 + (4.30265 * 0.1) / Math.sqrt(3), 4)
    expect(b!.behind!.interval![1]).toBeCloseTo(0.09 + (4.30265 * 0.01) / Math.sqrt(3), 4)
  })

  test('of one seed: intervals over queries, ties to the smaller policy', () => {
    const one = finished(['one'], '', [0, 1, 1, 0])
    const two = finished(['two'], '', [0, 1, 0, 1])
    const small = { ...two, cell: { ...two.cell, record: { ...two.cell.record, parameters: 5 } } }
    const [best, other] = rankRows([one, small], 'ranked', statistics)
    expect(best!.labels).toEqual(['two'])
    expect(best!.interval![1]).toBeCloseTo(0.5 + (3.18245 * Math.sqrt(1 / 3)) / 2, 4)
    expect(other!.behind!.mean).toBe(0)
    expect(other!.behind!.interval![1]).toBeCloseTo((3.18245 * Math.sqrt(2 / 3)) / 2, 4)
    expect(rankRows([], 'ranked', statistics)).toEqual([])
  })
})
