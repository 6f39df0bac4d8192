import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import type { Coverage } from '../offline/evaluate-measured.ts'
import { BEST_BASELINE } from '../summary/baselines.ts'
import type { Summary } from '../summary/types.ts'
import { formatTable } from '@lever/terminal'
import type { TextTable } from './tables.ts'
import { accuracyTable, comparisonTable, footnotes, gapRoles, gapTable, splitTable } from './tables.ts'

/** Which tables are written. */
export interface RenderOptions {
  /** Whether the differences to the baselines are shown: to all, to the best, or none. Default true. */
  readonly comparisons?: boolean | 'best'
}

export const RENDER_OPTIONS: OptionNames<RenderOptions> = { comparisons: true }

/** The tables of a summary that have rows: accuracy, gap closed, differences to each baseline. */
export function tablesOf(summary: Summary, { comparisons = true }: RenderOptions = {}): TextTable[] {
  const shown = summary.baselines.filter((name) => comparisons === true || name === BEST_BASELINE)
  const differences = comparisons === false ? [] : shown.map((name) => comparisonTable(summary, name))
  const { expected, level } = summary
  const ofExpected = expected && { ...expected, level }
  const gaps = gapRoles(summary).map((role) => gapTable(summary, role))
  const expectedTables = ofExpected
    ? [
        accuracyTable(ofExpected, 'Expected accuracy (E)'),
        ...(comparisons === false ? [] : [comparisonTable(ofExpected, BEST_BASELINE, 'Difference of E')]),
      ]
    : []
  return [accuracyTable(summary), ...expectedTables, ...gaps, ...differences, splitTable(summary)].filter(
    ({ rows }) => rows.length > 0,
  )
}

/** A summary as plain text for a terminal, ending in a line break. */
export function renderText(summary: Summary, options: RenderOptions = {}): string {
  refuseUnknownOptions(options, RENDER_OPTIONS, 'icl-eval: renderText')
  const blocks = [...tablesOf(summary, options).map(layOut), footnotes(summary).join('\n')]
  return `${blocks.join('\n\n')}\n`
}

/** One table in aligned columns: text to the left, figures to the right. */
export function layOut({ title, header, rows }: TextTable): string {
  const widths = header.map((text, column) =>
    rows.reduce((most, row) => Math.max(most, row[column]!.length), text.length),
  )
  const rule = widths.map((width) => '-'.repeat(width))
  return `${title}\n${formatTable([header, rule, ...rows])}`
}

/** How many choices of each selector had been measured. */
export function renderCoverage(coverage: readonly Coverage[]): string {
  const rows = coverage.map(({ selector, shots, choices, measured }) => [
    selector,
    String(shots),
    `${measured} of ${choices}`,
    `${((100 * measured) / choices).toFixed(1)} %`,
  ])
  return [
    'Coverage: choices that had been measured; the others count nowhere',
    formatTable([['selector', 'shots', 'measured', ''], ...rows]),
  ].join('\n')
}
