import type { Summary } from '../summary/types.ts'
import type { TextTable } from './tables.ts'
import { accuracyTable, comparisonTable, footnotes, gapTable } from './tables.ts'

export interface RenderOptions {
  /** Whether the differences to the baselines are shown. Default true. */
  readonly comparisons?: boolean
}

/** The tables of a summary that have rows: accuracy, gap closed, differences to each baseline. */
export function tablesOf(summary: Summary, { comparisons = true }: RenderOptions = {}): TextTable[] {
  const differences = comparisons ? summary.baselines.map((name) => comparisonTable(summary, name)) : []
  return [accuracyTable(summary), gapTable(summary), ...differences].filter(({ rows }) => rows.length > 0)
}

/** A summary as plain text for a terminal, ending in a line break. */
export function renderText(summary: Summary, options: RenderOptions = {}): string {
  const blocks = [...tablesOf(summary, options).map(layOut), footnotes(summary).join('\n')]
  return `${blocks.join('\n\n')}\n`
}

/** One table in aligned columns: text to the left, figures to the right. */
export function layOut({ title, header, rows }: TextTable): string {
  const lines = [header, ...rows]
  const widths = header.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)))
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)))
      .join('  ')
      .trimEnd()
  const rule = widths.map((width) => '-'.repeat(width)).join('  ')
  return [title, line(header), rule, ...rows.map(line)].join('\n')
}
