import { describe, expect, test } from '@jest/globals'
import { createRandom } from '@lever/reward-utils'
import { renderMarkdown } from '../src/render/markdown.ts'
import { formatP, percent, points } from '../src/render/tables.ts'
import { layOut, renderText } from '../src/render/text.ts'
import { summarizeBoth } from '../src/summary/expected.ts'
import { summarize } from '../src/summary/summarize.ts'
import type { EvaluationRow } from '../src/types.ts'

const EXPECTED_TEXT = `\
Accuracy in per cent [95 % interval]
selector            0 shots               2 shots
---------  ----------------  --------------------
zero-shot  25.0 [0.0, 50.0]
random                           25.0 [0.0, 50.0]
a|b<i>                         75.0 [50.0, 100.0]
oracle                       100.0 [100.0, 100.0]

Share of the gap from the best baseline to the oracle closed, in per cent [95 % interval]
selector  2 shots (zero-shot)
--------  -------------------
a|b<i>      66.7 [0.0, 100.0]

Share of the gap from random to the oracle closed, in per cent [95 % interval]
selector             2 shots
--------  ------------------
a|b<i>    66.7 [50.0, 100.0]

Difference to the best baseline in points [95 % interval, paired]
selector  shots    against  points      interval      p  p (Holm)  can show  n
--------  -----  ---------  ------  ------------  -----  --------  --------  -
a|b<i>        2  zero-shot   +50.0  [0.0, +50.0]  1.000     1.000     140.1  4

Difference to random in points [95 % interval, paired]
selector  shots  points        interval      p  p (Holm)  can show  n
--------  -----  ------  --------------  -----  --------  --------  -
a|b<i>        2   +50.0  [+50.0, +50.0]  0.500     1.000            4

n = 4 questions on 2 images; intervals by 200 paired bootstrap resamples of images.
Seeded selectors: mean of 1 seed.
Half of the comparisons can show a true difference of 140.1 points or less (80 % power at 5 %); "can show" has the figure of each, and smaller ones may go unseen.
The best baseline is the most accurate one on these very questions, at each number of shots. Intervals and p of the differences to it hold for whichever baseline is truly the best (corrected for the choice among all of them); the differences themselves are rather too small than too large, and the shares of the gap from it are not corrected.
Some figures are about 2 images only; below 20 the intervals are too narrow, so go by p.
An interval without width means equal accuracies, not certainty: with 2 images the truth may be up to 100.0 points away (the rule of three).
oracle at 2 shots: best known in the pools, 1,234 sequences measured, 4 of 4 questions at the accuracy of their best human answer.
`

interface Quick {
  readonly selector: string
  readonly shots?: number
  readonly seed?: number
}

const rowsFor = (
  { selector, shots = 2, seed }: Quick,
  accuracies: readonly (number | null)[],
  image = (i: number): number => Math.floor(i / 2),
): EvaluationRow[] =>
  accuracies.map((accuracy, i) => ({
    query: 1000 + i,
    image: image(i),
    selector,
    shots,
    seed: seed ?? null,
    demonstrations: [],
    answer: 'x',
    accuracy,
    mode: accuracy === null ? 'error' : 'file',
  }))

const n = 60
const draw = (seed: number, rate: number): number[] => {
  const random = createRandom(seed, 'toy')
  return Array.from({ length: n }, () => (random.next() < rate ? 1 : 0))
}
const base = draw(1, 0.3)
const better = base.map((value, i) => (i % 3 === 0 ? 1 : value))
const top = base.map((value, i) => (i % 3 !== 2 ? 1 : value))
const rows = [
  ...rowsFor({ selector: 'zero-shot', shots: 0 }, draw(9, 0.2)),
  ...rowsFor({ selector: 'random', seed: 0 }, base),
  ...rowsFor({ selector: 'random', seed: 1 }, draw(2, 0.3)),
  ...rowsFor({ selector: 'rices-both' }, draw(4, 0.4)),
  ...rowsFor({ selector: 'pointer' }, better),
  ...rowsFor({ selector: 'oracle' }, top),
]
const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length

describe('summarize', () => {
  const summary = summarize(rows, { resamples: 2000, seed: 3 })
  const row = (selector: string): (typeof summary.table)[number] =>
    summary.table.find((candidate) => candidate.selector === selector)!

  test('gives the accuracy of every cell with an interval around it', () => {
    expect(summary.table.map(({ selector, shots }) => `${selector}@${shots}`)).toEqual([
      'zero-shot@0',
      'random@2',
      'rices-both@2',
      'pointer@2',
      'oracle@2',
    ])
    for (const { accuracy, ci, n: questions, images } of summary.table) {
      expect(ci![0]).toBeLessThan(accuracy!)
      expect(ci![1]).toBeGreaterThan(accuracy!)
      expect([questions, images]).toEqual([60, 30])
    }
    expect(row('pointer').accuracy).toBeCloseTo(mean(better), 12)
    expect(summary).toMatchObject({ questions: 60, images: 30, modes: { file: 360, fallback: 0, error: 0 } })
  })

  test('averages seeds per question and shows their spread', () => {
    const both = [mean(base), mean(draw(2, 0.3))]
    expect(row('random').accuracy).toBeCloseTo(mean(both), 12)
    expect(row('random').seeds).toMatchObject({ n: 2, min: Math.min(...both), max: Math.max(...both) })
    expect(row('pointer').seeds).toBeNull()
  })

  test('there is no spread over seeds that have different questions', () => {
    const [draws] = summarize(
      [
        ...rowsFor({ selector: 'random', seed: 0 }, [0, 1, 0, 0]),
        ...rowsFor({ selector: 'random', seed: 1 }, [1]),
      ],
      { resamples: 100 },
    ).table
    expect(draws).toMatchObject({ accuracy: 0.375, n: 4, seeds: null })
    const failed = [
      ...rowsFor({ selector: 'random', seed: 0 }, [0, 1]),
      ...rowsFor({ selector: 'random', seed: 1 }, [1, null]),
    ]
    expect(summarize(failed, { resamples: 100 }).table[0]!.seeds).toMatchObject({ n: 2, min: 0.5, max: 1 })
  })

  test('compares with the baselines at the same shots, bounds and baselines themselves aside', () => {
    expect(row('pointer').comparisons.map((c) => c.baseline)).toEqual(['rices-both', 'random'])
    expect(row('pointer').comparisons.map((c) => c.role)).toEqual(['best baseline', 'random'])
    expect(row('rices-both').comparisons.map((c) => c.baseline)).toEqual(['random'])
    expect(row('oracle').comparisons).toEqual([])
    expect(row('zero-shot').comparisons).toEqual([])
    const versus = row('pointer').comparisons.find((c) => c.role === 'random')
    expect(versus!.delta).toBeCloseTo(row('pointer').accuracy! - row('random').accuracy!, 12)
    expect(versus!.ci[0]).toBeLessThan(versus!.delta)
    expect(versus!.pHolm).toBeGreaterThanOrEqual(versus!.p)
    expect(versus!.n).toBe(60)
    expect(versus!.detectable).toBeGreaterThan(0.05)
  })

  test('pairs: a difference that is the same for every question has no width', () => {
    const shifted = summarize(
      [
        ...rowsFor(
          { selector: 'random' },
          base.map((v) => v / 2),
        ),
        ...rowsFor(
          { selector: 'up' },
          base.map((v) => v / 2 + 0.1),
        ),
      ],
      { resamples: 500 },
    )
    const [c] = shifted.table[1]!.comparisons
    expect(c!.delta).toBeCloseTo(0.1, 12)
    expect(c!.ci[0]).toBeCloseTo(0.1, 12)
    expect(c!.ci[1]).toBeCloseTo(0.1, 12)
    expect(c!.p).toBeCloseTo(1 / 501, 12)
    expect([c!.detectable, shifted.detectable]).toEqual([null, null])
  })

  test('gap closed', () => {
    const random = row('random').accuracy!
    const expected = (row('pointer').accuracy! - random) / (row('oracle').accuracy! - random)
    const gap = summary.gapClosed.find(({ selector, role }) => selector === 'pointer' && role === 'random')!
    expect(gap.value).toBeCloseTo(expected, 12)
    expect(gap.ci![0]).toBeLessThan(expected)
    expect(summary.gapClosed.map(({ selector, from, role }) => [selector, from, role])).toEqual([
      ['pointer', 'rices-both', 'best baseline'],
      ['rices-both', 'random', 'random'],
      ['pointer', 'random', 'random'],
    ])
  })

  test('is the same twice, and its numbers are JSON', () => {
    const again = summarize(rows, { resamples: 2000, seed: 3 })
    expect(JSON.stringify(again)).toBe(JSON.stringify(summary))
    expect(JSON.parse(JSON.stringify(summary))).toEqual(summary)
  })

  test('zero-shot may be a baseline for every number of shots', () => {
    const versus = summarize(rows, { resamples: 50, baselines: ['zero-shot'] })
    const compared = versus.table.flatMap((r) => r.comparisons.map((c) => `${r.selector} ${c.baselineShots}`))
    expect(compared).toEqual(['random 0', 'rices-both 0', 'pointer 0'])
  })

  test('failed answers leave pairs, and a cell of nothing but failures has no figure', () => {
    const failing = summarize(
      [
        ...rowsFor({ selector: 'random' }, [0, 1, 0, 1]),
        ...rowsFor({ selector: 'pointer' }, [1, null, 1, 1]),
        ...rowsFor({ selector: 'broken' }, [null, null, null, null]),
      ],
      { resamples: 100 },
    )
    expect(failing.table.map((r) => [r.accuracy, r.n])).toEqual([
      [0.5, 4],
      [1, 3],
      [null, 0],
    ])
    expect(failing.table[1]!.comparisons[0]).toMatchObject({ delta: expect.closeTo(2 / 3, 12), n: 3 })
    expect(failing.table[2]!.comparisons).toEqual([])
    expect(failing.modes.error).toBe(5)
    expect(renderText(failing)).toContain('Failed and counted nowhere: 5 answers')
    expect(renderText(failing)).toContain('Not about all questions: pointer at 2 shots on 3; compare')
    const many = Array.from({ length: 10 }, (_, i) => rowsFor({ selector: `s${i}` }, [1, null])).flat()
    expect(renderText(summarize(many, { resamples: 100 }))).toContain('s7 at 2 shots on 1, 2 more; compare')
    expect(renderText(failing)).toContain('failed')
  })

  test('one question has no error to speak of; no rows are refused', () => {
    const one = summarize([...rowsFor({ selector: 'random' }, [0]), ...rowsFor({ selector: 'p' }, [1])], {
      resamples: 10,
    })
    expect(one.table[1]).toMatchObject({ accuracy: 1, ci: [1, 1] })
    expect(one.table[1]!.comparisons[0]).toMatchObject({ delta: 1, p: 1, detectable: null })
    expect(one.detectable).toBeNull()
    expect(JSON.stringify(one)).not.toContain('NaN')
    expect(() => summarize([])).toThrow('no rows')
  })
})

describe('rendering', () => {
  const summary = summarize(
    [
      ...rowsFor({ selector: 'zero-shot', shots: 0 }, [0, 0, 1, 0]),
      ...rowsFor({ selector: 'random', seed: 0 }, [0, 1, 0, 0]),
      ...rowsFor({ selector: 'a|b<i>' }, [1, 1, 0, 1]),
      ...rowsFor({ selector: 'oracle' }, [1, 1, 1, 1]),
    ],
    { resamples: 200, oracle: [{ shots: 2, how: 'best known', measured: 1234, atBest: 4 }] },
  )

  test('text', () => {
    expect(renderText(summary)).toBe(EXPECTED_TEXT)
  })

  test('Markdown escapes names', () => {
    const markdown = renderMarkdown(summary, { comparisons: false })
    expect(markdown).toContain('| selector | 0 shots | 2 shots |\n| --- | ---: | ---: |\n')
    expect(markdown).toContain('| a\\|b&lt;i> |')
    expect(markdown).not.toContain('Difference')
  })

  test('figures', () => {
    expect([percent(0.5731), points(0.031), points(-0.031), points(-0.0001)]).toEqual([
      '57.3',
      '+3.1',
      '-3.1',
      '0.0',
    ])
    expect([formatP(0.0001), formatP(0.0123), formatP(1)]).toEqual(['<0.001', '0.012', '1.000'])
    expect(layOut({ title: 't', header: ['a', 'bb'], rows: [] })).toBe('t\na  bb\n-  --')
  })
})

describe('summarizeBoth', () => {
  const rowOf = (query: number, selector: string, accuracy: number, expected?: number): EvaluationRow => ({
    ...{ query, image: query, selector, shots: 1, seed: null, demonstrations: [1], answer: 'a' },
    ...{ accuracy, mode: 'file' },
    ...(expected !== undefined && { expected }),
  })
  const queries = Array.from({ length: 30 }, (_, i) => i)
  const measured = queries.flatMap((query) => [
    rowOf(query, 'random', query % 2, 0.2),
    rowOf(query, 'rices-text', 0.3, 0.1),
    rowOf(query, 'mine', query % 2, 0.25 + (query % 3) / 100),
  ])

  test('gives E beside accuracy, with differences to what is best in E', () => {
    const { table, expected } = summarizeBoth(measured, { resamples: 500 })
    const mine = table.find(({ selector }) => selector === 'mine')!
    expect(mine).toMatchObject({ accuracy: 0.5, expected: expect.closeTo(0.26, 12) })
    expect(mine.comparisons[0]).toMatchObject({ delta: 0 })
    const own = expected!.table.find(({ selector }) => selector === 'mine')!
    expect(
      own.comparisons.map(({ baseline, role, delta, mcnemar }) => ({ baseline, role, delta, mcnemar })),
    ).toEqual([
      { baseline: 'random', role: 'best baseline', delta: expect.closeTo(0.06, 12), mcnemar: null },
      { baseline: 'random', role: 'random', delta: expect.closeTo(0.06, 12), mcnemar: null },
    ])
    expect(own.comparisons[0]!.ci[0]).toBeGreaterThan(0.05)
    const accuracy = summarizeBoth(measured, { resamples: 500 })
    const plain = summarize(measured, { resamples: 500 })
    expect(accuracy.table.map(({ accuracy: one, ci }) => ({ one, ci }))).toEqual(
      plain.table.map(({ accuracy: one, ci }) => ({ one, ci })),
    )
  })

  test('shows E only where all used rows have it, and is summarize where none has', () => {
    const holed = [...measured.slice(0, -1), rowOf(29, 'mine', 1)]
    const { table, expected } = summarizeBoth(holed, { resamples: 500 })
    expect(table.map(({ selector, expected: e }) => [selector, e !== undefined])).toEqual([
      ['random', true],
      ['rices-text', true],
      ['mine', false],
    ])
    expect(expected!.table).toHaveLength(2)
    const bare = queries.map((query) => rowOf(query, 'random', query % 2))
    expect(summarizeBoth(bare, { resamples: 500 })).toEqual(summarize(bare, { resamples: 500 }))
  })
})
