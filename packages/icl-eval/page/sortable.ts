import { all, one } from './dom.ts'
import { compareKeys, nextDirection } from './order.ts'
import type { Key } from './order.ts'

/** Tables sort by the column whose heading is pressed. */
export function makeSortable(): void {
  for (const table of all<HTMLTableElement>('table.sortable')) {
    const heads = all('thead th', table)
    const body = one('tbody', table, HTMLTableSectionElement)
    const original = all<HTMLTableRowElement>('tr', body)
    heads.forEach((head, column) => {
      one('button', head).addEventListener('click', () => {
        const isNumeric = original.some((row) => valueOf(row, column) !== undefined)
        const direction = nextDirection(head.getAttribute('aria-sort'), isNumeric)
        for (const other of heads) other.removeAttribute('aria-sort')
        head.setAttribute('aria-sort', direction)
        const sorted = original.toSorted((x, y) => compareKeys(keyOf(x, column), keyOf(y, column), direction))
        for (const row of sorted) body.append(row)
      })
    })
  }
}

function valueOf(row: HTMLTableRowElement, column: number): string | undefined {
  return row.cells[column]?.dataset['value']
}

function keyOf(row: HTMLTableRowElement, column: number): Key {
  const value = valueOf(row, column)
  return value === undefined ? (row.cells[column]?.textContent ?? '').trim() : Number(value)
}
