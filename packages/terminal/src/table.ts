import stringWidth from 'string-width'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import { printableLine } from './printable.ts'

/** How a table is laid out. */
export interface TableOptions {
  /** Text before every line. Default none. */
  readonly indent?: string
  /** Columns aligned to the left; the others, numbers, are aligned to the right. */
  readonly left?: number
}

export const TABLE_OPTIONS: OptionNames<TableOptions> = { indent: true, left: true }

/** Rows of cells as aligned columns, by the width that a terminal gives them. What a terminal would obey is escaped. */
export function formatTable(rows: readonly (readonly string[])[], options: TableOptions = {}): string {
  refuseUnknownOptions(options, TABLE_OPTIONS, 'terminal: formatTable')
  const { indent = '', left = 1 } = options
  const cells = rows.map((row) => row.map(printableLine))
  const widths: number[] = []
  for (const row of cells)
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, stringWidth(cell))
  return cells
    .map((row) => {
      const padded = row.map((cell, i) => {
        const space = ' '.repeat(widths[i]! - stringWidth(cell))
        return i < left ? cell + space : space + cell
      })
      return (indent + padded.join('  ')).trimEnd()
    })
    .join('\n')
}
