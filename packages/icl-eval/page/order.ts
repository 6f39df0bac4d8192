/** A number, or the text of a cell that has none. */
export type Key = number | string

export type Direction = 'ascending' | 'descending'

/** Numbers begin with the largest, names with A; the next time it is the other way round. */
export function nextDirection(now: string | null, numeric: boolean): Direction {
  if (now === null) return numeric ? 'descending' : 'ascending'
  return now === 'ascending' ? 'descending' : 'ascending'
}

/** Compares cells in a direction; empty ones come last in both. */
export function compareKeys(a: Key, b: Key, direction: Direction): number {
  if (a === '' || b === '') return Number(a === '') - Number(b === '')
  const order = typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b))
  return direction === 'ascending' ? order : -order
}
