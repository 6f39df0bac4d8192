import { percent } from '../../render/tables.ts'
import type { Summary } from '../../summary/types.ts'
import type { Cell } from '../html.ts'
import { escapeHtml, section, sortableTable } from '../html.ts'
import { legendSample } from '../svg/legend.ts'
import { lineChart } from '../svg/line-chart.ts'
import type { ChartSeries } from '../svg/line-chart.ts'
import type { ReportInput } from '../types.ts'
import { distinct, evaluatedRuns, shotsHeader } from './common.ts'
import { keyFigures } from './key.ts'
import { termsOf } from './terms.ts'

/** The accuracy table and the plot of accuracy over shots. */
export function accuracySection(input: ReportInput): string {
  const runs = evaluatedRuns(input.runs)
  if (runs.length === 0) return ''
  const several = runs.length > 1
  const shots = distinct(runs.flatMap(({ summary }) => summary.table.map((row) => row.shots))).sort(
    (a, b) => a - b,
  )
  const rowsOf = (tableOf: (summary: Summary) => Summary['table']): Cell[][] =>
    runs.flatMap(({ name, summary }) =>
      distinct(tableOf(summary).map((row) => row.selector)).map((selector) => [
        { text: selector },
        ...(several ? [{ text: name }] : []),
        ...shots.map((k) => accuracyCell(tableOf(summary), selector, k)),
      ]),
    )
  const rows = rowsOf(({ table }) => table)
  const expected = rowsOf((summary) => summary.expected?.table ?? [])
  const [first] = runs
  const level = Number((100 * first!.summary.level).toFixed(2))
  const header = ['selector', ...(several ? ['run'] : []), ...shots.map(shotsHeader)]
  const table = sortableTable({ caption: `Accuracy in per cent, with ${level} % interval`, header, rows })
  const caption = `Expected accuracy (E: over the human answers, accuracy x probability) in per cent, with ${level} % interval`
  const parts = [
    keyFigures(input),
    table,
    ...(expected.length > 0 ? [sortableTable({ caption, header, rows: expected })] : []),
    termsOf(rows.map(([cell]) => cell!.text)),
    shotsPlot(input.runs),
    seedsTable(input.runs),
  ]
  return section('accuracy', 'Accuracy', parts.join('\n'))
}

/** How far the accuracy of seeded selectors differs from seed to seed. */
function seedsTable(all: ReportInput['runs']): string {
  const rows = evaluatedRuns(all).flatMap(({ name, summary }) =>
    summary.table.flatMap(({ selector, shots, seeds }): (readonly Cell[])[] =>
      seeds === null
        ? []
        : [
            [
              { text: all.length > 1 ? `${name} · ${selector}` : selector },
              { text: String(shots), value: shots },
              { text: String(seeds.n), value: seeds.n },
              { text: percent(seeds.mean), value: seeds.mean },
              { text: seeds.sd === null ? '' : percent(seeds.sd), value: seeds.sd },
              { text: percent(seeds.min), value: seeds.min },
              { text: percent(seeds.max), value: seeds.max },
            ],
          ],
    ),
  )
  if (rows.length === 0) return ''
  const table = sortableTable({
    caption: 'Accuracy over seeds, in per cent',
    header: ['selector', 'shots', 'seeds', 'mean', 'standard deviation', 'lowest', 'highest'],
    rows,
  })
  return `<details><summary>Spread over seeds</summary>\n${table}</details>`
}

/** With more lines than that, bands are shown one at a time. */
const CROWDED = 3

/** Accuracy over shots with bands, with a switch per selector, the highest first. */
function shotsPlot(runs: ReportInput['runs']): string {
  const series = accuracySeries(runs)
  const chart = accuracyChart(runs, { legend: false })
  if (chart === '') return ''
  const height = ({ points }: ChartSeries): number => points.at(-1)?.y ?? -Infinity
  const ordered = series
    .map((one, i) => ({ one, i }))
    .sort((a, b) => height(b.one) - height(a.one) || a.i - b.i)
  const switches = ordered.map(
    ({ one: { name }, i }) =>
      `<label><input type="checkbox" checked data-toggle="${escapeHtml(name)}"> ${legendSample(i)} ${escapeHtml(name)}</label>`,
  )
  const bands =
    series.length > CROWDED
      ? '<span class="screen">; the band is the interval of the line under the pointer</span>'
      : '; bands and bars are intervals'
  return (
    `<figure data-chart="shots" class="wide${series.length > CROWDED ? ' crowded' : ''}"><figcaption>Accuracy over the number of demonstrations${bands}</figcaption>\n` +
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
    yLimits: [0, 100],
    series: accuracySeries(runs),
    wholeX: true,
    legend,
  })
}

/** The lines of the plot: one per selector, of several runs one per run and selector. */
export function accuracySeries(all: ReportInput['runs']): ChartSeries[] {
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

function accuracyCell(table: Summary['table'], selector: string, shots: number): Cell {
  const row = table.find((candidate) => candidate.selector === selector && candidate.shots === shots)
  if (row === undefined) return { text: '' }
  if (row.accuracy === null || row.ci === null) return { text: 'failed' }
  return {
    text: percent(row.accuracy),
    value: row.accuracy,
    note: `[${percent(row.ci[0])}, ${percent(row.ci[1])}]`,
  }
}
