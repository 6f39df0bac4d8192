import type { Ranking, SweepRow } from './rank.ts'
import type { FailedCell, Swept } from './sweep.ts'

/** Name of the file with the result of a sweep, in its run directory. */
export const RANKING_FILE = 'ranking.json'

/** The result of a sweep for machines, as `ranking.json` holds it. Accuracies are in 0..1. */
export interface SweepResult {
  readonly rankedBy: Ranking
  readonly axes: readonly string[]
  /** Validation queries of the best row; 0 when no cell was finished. */
  readonly queries: number
  /** The best first. A row also has the value of every axis under the axis' name. */
  readonly rows: readonly ResultRow[]
  readonly failed: readonly FailedCell[]
  /** Cells that were finished before. */
  readonly skipped: number
  readonly warnings: Readonly<Record<string, number>>
}

/** A row of `ranking.json`: the settings, the figures over seeds, and the cells they are of. */
export type ResultRow = Omit<SweepRow, 'cells'> & {
  readonly cells: readonly {
    readonly seed?: string
    readonly folder: string
    readonly phase: string
    readonly epoch: number
    readonly seconds: number
  }[]
}

/** What is worth keeping of a sweep. `axes` are the names of `labels`. */
export function sweepResult(
  { rows, failed, skipped, warnings }: Swept,
  axes: readonly string[],
  by: Ranking,
): SweepResult {
  return {
    rankedBy: by,
    axes,
    queries: rows[0]?.cells[0]!.policy.validation.length ?? 0,
    rows: rows.map(({ cells, ...row }) => ({
      ...Object.fromEntries(axes.map((axis, i) => [axis, row.labels[i]])),
      ...row,
      cells: cells.map(({ seed, folder, record, policy: { phase, epoch } }) => ({
        ...(seed !== '' && { seed }),
        folder,
        phase,
        epoch,
        seconds: record.seconds,
      })),
    })),
    failed,
    skipped,
    warnings,
  }
}
