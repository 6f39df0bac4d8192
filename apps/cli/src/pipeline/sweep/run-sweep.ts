import { openRunDirectory } from '@lever/durable-files'
import type { RunDirectory } from '@lever/durable-files'
import type { CellPolicy, Grid, Ranking, Swept } from '@lever/grpo-trainer'
import type { Schema } from '@lever/settings'
import type { Context } from '../../command.ts'
import { version } from '../../version.ts'

export interface SweepChoice {
  readonly out: string
  readonly workers: number
  readonly rankBy: Ranking
  /** Which policy of a cell counts. */
  readonly score: CellPolicy
}

/** Trains the cells of a grid that are not finished and ranks all of them, with a progress line. */
export async function runSweep(
  grid: Grid,
  choice: SweepChoice,
  table: Schema,
  { progress, signal }: Context,
): Promise<Swept> {
  const { planCells, sweep } = await import('@lever/grpo-trainer')
  const statistics = await import('@lever/icl-eval')
  const cells = planCells(grid, table)
  const stage = progress.stage('sweep', { total: cells.length, unit: 'cells' })
  const swept = await sweep(
    { ...choice, cells, statistics, versions: { lever: version() } },
    {
      signal,
      onEvent(event) {
        if (event.type === 'progress') stage.update(event.done, event.said)
        else if (event.type === 'warning') progress.warn(event.message)
        else progress.info(event.message)
      },
    },
  )
  stage.end('')
  return swept
}

/** The run directory of a sweep, once more after it. */
export function openSweep(out: string): Promise<RunDirectory> {
  return openRunDirectory({ path: out, command: 'sweep', config: {}, versions: { lever: version() } })
}
