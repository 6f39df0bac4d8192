import { describe, expect, test } from '@jest/globals'
import { reportPlots } from '../src/report/report.ts'
import { histogram } from '../src/report/svg/histogram.ts'
import { lineChart } from '../src/report/svg/line-chart.ts'
import { linearScale, tickText } from '../src/report/svg/scale.ts'
import { reportRun } from './report-input.ts'

describe('charts', () => {
  test.each([
    [0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]],
    [18.2, 90.3, [0, 20, 40, 60, 80, 100]],
    [5, 5, [4.4, 4.6, 4.8, 5, 5.2, 5.4, 5.6]],
    [0, 0, [-1, -0.5, 0, 0.5, 1]],
    [-0.03, 0.04, [-0.04, -0.02, 0, 0.02, 0.04]],
  ])('ticks of %p to %p', (min, max, ticks) => {
    const scale = linearScale({ min, max, from: 0, to: 100 })
    expect(scale.ticks).toEqual(ticks)
    expect(scale.at(ticks[0]!)).toBeCloseTo(0, 9)
    expect(scale.at(ticks.at(-1)!)).toBeCloseTo(100, 9)
  })

  test('an axis keeps within what the quantity can be', () => {
    const percent = { from: 0, to: 1, limits: [0, 100] as const }
    expect(linearScale({ min: 100, max: 100, ...percent }).ticks).toEqual([90, 95, 100])
    expect(linearScale({ min: 0, max: 0, ...percent }).ticks).toEqual([0, 0.5, 1])
    expect(linearScale({ min: 18.2, max: 90.3, ...percent }).ticks).toEqual([0, 20, 40, 60, 80, 100])
  })

  test('single points at one x stand beside one another with their intervals', () => {
    const point = (
      name: string,
      x: number,
    ): { name: string; points: { x: number; y: number; low: number; high: number }[] } => ({
      name,
      points: [{ x, y: 50, low: 40, high: 60 }],
    })
    const chart = lineChart({
      title: 't',
      xLabel: 'x',
      yLabel: 'y',
      series: [point('a', 2), point('b', 2), point('c', 3)],
    })
    const bars = Array.from(
      chart.matchAll(
        /<line x1="([\d.]+)" x2="\1" y1="([\d.]+)" y2="([\d.]+)" stroke="[^"]*" stroke-width="1.2" opacity/g,
      ),
      (m) => m.slice(1).map(Number),
    )
    expect(bars).toHaveLength(3)
    expect(bars[1]![0]! - bars[0]![0]!).toBeCloseTo(8, 9)
    expect(bars.every(([, low, high]) => low! > high!)).toBe(true)
  })

  test('whole numbers only, and short text', () => {
    expect(linearScale({ min: 0, max: 2, from: 0, to: 1, integer: true }).ticks).toEqual([0, 1, 2])
    expect([0, 0.1 + 0.2, 1e-5, 2e7, -4].map(tickText)).toEqual(['0', '0.3', '1e\u22125', '2e7', '\u22124'])
  })

  test('points that are not finite are left out; nothing gives nothing', () => {
    const series = [
      {
        name: 'a',
        points: [
          { x: 0, y: NaN },
          { x: 1, y: 2 },
        ],
      },
    ]
    const chart = lineChart({ title: 't', xLabel: 'x', yLabel: 'y', series })
    expect(chart).not.toContain('NaN')
    expect(chart.match(/<circle/g)).toHaveLength(1)
    expect(lineChart({ title: 't', xLabel: 'x', yLabel: 'y', series: [] })).toBe('')
    expect(histogram({ title: 't', xLabel: 'x', yLabel: 'y', bars: [] })).toBe('')
  })

  test('plots are files of their own, with colours for light and dark', () => {
    const plots = reportPlots({ title: '', runs: [reportRun('one'), reportRun('two')] })
    expect(plots.map(({ name }) => name)).toEqual([
      'accuracy.svg',
      'training-loss.svg',
      'rewards-one-beam.svg',
      'rewards-one-random.svg',
      'rewards-two-beam.svg',
      'rewards-two-random.svg',
    ])
    for (const { svg } of plots) {
      expect(svg).toMatch(/^<svg [^>]*xmlns="http:\/\/www.w3.org\/2000\/svg"[^>]*><style>/)
      expect(svg).toContain('prefers-color-scheme:dark')
      expect(svg).not.toMatch(/NaN|undefined/)
    }
  })
})
