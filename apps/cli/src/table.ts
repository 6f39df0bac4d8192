export interface TableOptions {
  readonly indent?: string
  /** So many columns stand to the left; the others, numbers, to the right. */
  readonly left?: number
}

/** Rows of cells as aligned columns. */
export function formatTable(
  rows: readonly (readonly string[])[],
  { indent = '', left = 1 }: TableOptions = {},
): string {
  const widths: number[] = []
  for (const row of rows)
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length)
  return rows
    .map((row) => {
      const cells = row.map((cell, i) => (i < left ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      return (indent + cells.join('  ')).trimEnd()
    })
    .join('\n')
}
