import type { Bootstrap } from '../statistics/bootstrap.ts'
import { percentileInterval } from '../statistics/interval.ts'
import { SWAPPED } from '../selectors/swapped.ts'
import type { Cell } from './cells.ts'
import type { ColumnSet } from './columns.ts'
import type { SplitRow } from './types.ts'

/** A selector whose gain is split: its cell, that of its choices shuffled over the queries, and that of random ones. */
interface SplitCells {
  readonly own: Cell
  readonly swapped: Cell
  /** Columns of own, swapped and random on the questions that all have. */
  readonly columns: readonly number[]
}

export const isSwapped = (selector: string): boolean => selector.startsWith(SWAPPED)

/** The selectors that were evaluated on swapped choices too, where random was evaluated. */
export function splitCells(cells: readonly Cell[], set: ColumnSet): SplitCells[] {
  return cells.flatMap((own) => {
    const find = (name: string): Cell | undefined =>
      cells.find(({ selector, shots }) => selector === name && shots === own.shots)
    const [swapped, random] = [find(`${SWAPPED}${own.selector}`), find('random')]
    if (swapped === undefined || random === undefined) return []
    return [{ own, swapped, columns: set.paired(own.values, swapped.values, random.values) }]
  })
}

/** The two parts of a gain over random, with intervals of the same bootstrap. */
export function splitRow(
  { own, swapped, columns: [x, s, r] }: SplitCells,
  bootstrap: Bootstrap,
  level: number,
): SplitRow[] {
  const { estimates, samples } = bootstrap
  const part = (a: number, b: number): SplitRow['chosen'] => ({
    delta: estimates[a]! - estimates[b]!,
    ci: percentileInterval(
      samples[a]!.map((value, i) => value - samples[b]![i]!),
      level,
    ),
  })
  if (Number.isNaN(estimates[x!]!)) return []
  return [
    {
      selector: own.selector,
      shots: own.shots,
      seeds: swapped.seeds,
      gain: part(x!, r!),
      independent: part(s!, r!),
      chosen: part(x!, s!),
    },
  ]
}
