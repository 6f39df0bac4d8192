import { escapeHtml, section } from '../html.ts'
import { lineChart } from '../svg/line-chart.ts'
import type { Curve, ReportInput } from '../types.ts'
import { accuracySeries } from './accuracy.ts'
import { distinct } from './common.ts'

/** Training curves, one plot per quantity; runs share the plots. A policy looks as it does in the plot of accuracy. */
export function trainingSection({ runs }: ReportInput): string {
  const plots = trainingCharts(runs).map(
    ({ name, chart }) =>
      `<figure><figcaption>${escapeHtml(name)}</figcaption>` +
      `<div class="scroll" role="region" tabindex="0" aria-label="Plot of ${escapeHtml(name)}">${chart}</div></figure>`,
  )
  return section(
    'training',
    'Training',
    plots.length > 0 ? `<div class="grid">${plots.join('\n')}</div>` : '',
  )
}

/** The plot of every training quantity as an SVG element. */
export function trainingCharts(
  runs: ReportInput['runs'],
): { readonly name: string; readonly chart: string }[] {
  const curves = runs.flatMap((run) =>
    (run.curves ?? []).map((curve) => ({ ...curve, run: runs.length > 1 ? `${run.name} · ` : '' })),
  )
  const lines = curves.flatMap(({ series, run }) => series.map(({ name }) => `${run}${name}`))
  const looks = distinct([...accuracySeries(runs).map(({ name }) => name), ...lines])
  return distinct(curves.map(({ name }) => name)).flatMap((name) => {
    const same = curves.filter((curve) => curve.name === name)
    const chart = lineChart({
      title: `${name} over ${same[0]!.x}`,
      xLabel: same[0]!.x,
      yLabel: axisLabel(same[0]!),
      series: same.flatMap(({ series, run }) =>
        series.map((one) => ({
          name: `${run}${one.name}`,
          look: looks.indexOf(`${run}${one.name}`),
          points: one.points.map(([x, y]) => ({ x, y })),
        })),
      ),
    })
    return chart === '' ? [] : [{ name, chart }]
  })
}

const axisLabel = ({ name, unit }: Curve): string => (unit === undefined ? name : `${name}, ${unit}`)
