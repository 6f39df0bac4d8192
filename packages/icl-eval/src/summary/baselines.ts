import { SELECTORS } from '../selectors/index.ts'
import type { SelectorName } from '../selectors/index.ts'
import type { Cell } from './cells.ts'

/** Expands to the baseline with the highest accuracy at each number of shots. */
export const BEST_BASELINE = 'best baseline'

/** Is it the name of a way to choose that needs no training: one of the table, over the library or `pool:NAME`? */
export function isBaseline(selector: string): boolean {
  const name = selector.startsWith('pool:') ? selector.slice('pool:'.length) : selector
  return Object.hasOwn(SELECTORS, name) && SELECTORS[name as SelectorName].baseline === true
}

/**
 * The cell that stands for a baseline at a number of shots: of the same number, or of 0 where it is only evaluated
 * without demonstrations. {@link BEST_BASELINE} is the most accurate of all on the evaluated questions.
 */
export function baselineCell(cells: readonly Cell[], baseline: string, shots: number): Cell | undefined {
  if (baseline === BEST_BASELINE) {
    return baselineCells(cells, shots).reduce<Cell | undefined>(
      (best, cell) => (best === undefined || meanOf(cell) > meanOf(best) ? cell : best),
      undefined,
    )
  }
  const own = cells.filter(({ selector }) => selector === baseline)
  const same = own.find((cell) => cell.shots === shots)
  return same ?? (own.length === 1 && own[0]!.shots === 0 ? own[0] : undefined)
}

/** The cells that the best baseline is picked from. */
export function baselineCells(cells: readonly Cell[], shots: number): Cell[] {
  return cells.filter(({ selector, shots: own }) => isBaseline(selector) && (own === shots || own === 0))
}

/** Mean over the questions with an accuracy; -Infinity where there are none. */
function meanOf({ values }: Cell): number {
  const answered = values.filter((value) => !Number.isNaN(value))
  return answered.length === 0 ? -Infinity : answered.reduce((sum, value) => sum + value, 0) / answered.length
}
