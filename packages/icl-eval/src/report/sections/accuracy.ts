import { percent } from '../../render/tables.ts'
import type { Summary } from '../../summary/types.ts'
import type { Cell } from '../html.ts'
import { escapeHtml, section, sortableTable } from '../html.ts'
import { legendSample } from '../svg/legend.ts'
import { lineChart } from '../svg/line-chart.ts'
import type { ChartSeries } from '../svg/line-chart.ts'
import type { ReportInput } from '../types.ts'
import { distinct, evaluatedRuns, shotsHeader } from './common.ts'

/** The accuracy table and the plot of accuracy over shots. */
export function accuracySection(input: ReportInput): string {
  const runs = evaluatedRuns(input.runs)
  if (runs.length === 0) return ''
  const several = runs.length > 1
  const shots = distinct(runs.flatMap(({ summary }) => summary.table.map((row) => row.shots))).sort(
    (a, b) => a - b,
  )
  const rows = runs.flatMap(({ name, summary }) =>
    distinct(summary.table.map((row) => row.selector)).map((selector) => [
      { text: selector },
      ...(several ? [{ text: name }] : []),
      ...shots.map((k) => accuracyCell(summary, selector, k)),
    ]),
  )
  const [first] = runs
  const level = Number((100 * first!.summary.level).toFixed(2))
  const table = sortableTable({
    caption: `Accuracy in per cent, with ${level} % interval`,
    header: ['selector', ...(several ? ['run'] : []), ...shots.map(shotsHeader)],
    rows,
  })
  return section('accuracy', 'Accuracy', `${table}\n${shotsPlot(input.runs)}`)
}

/** Accuracy over shots with bands, with a switch per selector. */
function shotsPlot(runs: ReportInput['runs']): string {
  const series = accuracySeries(runs)
  const chart = accuracyChart(runs, { legend: false })
  if (chart === '') return ''
  const switches = series.map(
    ({ name }, i) =>
      `<label><input type="checkbox" checked data-toggle="${escapeHtml(name)}"> ${legendSample(i)} ${escapeHtml(name)}</label>`,
  )
  return (
    `<figure data-chart="shots"><figcaption>Accuracy over the number of demonstrations; bands are intervals</figcaption>\n` +
    `<div class="scroll" role="region" tabindex="0" aria-label="Plot of accuracy over shots">${chart}</div>\n` +
    `<fieldset class="legend"><legend>Selectors shown</legend>${switches.join('')}</fieldset></figure>`
  )
}

/** The plot of accuracy over shots as an SVG element; '' without figures. */
export function accuracyChart(
  runs: ReportInput['runs'],
  { legend = true }: { readonly legend?: boolean } = {},
): string {
  return lineChart({
    title: 'Accuracy in per cent over the number of demonstrations, one line per selector',
    xLabel: 'demonstrations (shots)',
    yLabel: 'accuracy, %',
    series: accuracySeries(runs),
    wholeX: true,
    legend,
  })
}

function accuracySeries(all: ReportInput['runs']): ChartSeries[] {
  const runs = evaluatedRuns(all)
  return runs.flatMap(({ name, summary }) =>
    distinct(summary.table.map((row) => row.selector)).map((selector) => ({
      name: runs.length > 1 ? `${name} · ${selector}` : selector,
      points: summary.table
        .filter((row) => row.selector === selector)
        .flatMap(({ shots, accuracy, ci }) =>
          accuracy === null || ci === null
            ? []
            : [{ x: shots, y: 100 * accuracy, low: 100 * ci[0], high: 100 * ci[1] }],
        )
        .sort((a, b) => a.x - b.x),
    })),
  )
}

function accuracyCell({ table }: Summary, selector: string, shots: number): Cell {
  const row = table.find((candidate) => candidate.selector === selector && candidate.shots === shots)
  if (row === undefined) return { text: '' }
  if (row.accuracy === null || row.ci === null) return { text: 'failed' }
  return {
    text: percent(row.accuracy),
    value: row.accuracy,
    note: `[${percent(row.ci[0])}, ${percent(row.ci[1])}]`,
  }
}
