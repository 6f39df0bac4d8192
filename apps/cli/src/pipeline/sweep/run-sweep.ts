import { InputError, isInputError, openRunDirectory } from '@lever/durable-files'
import type { RunDirectory } from '@lever/durable-files'
import type { CellPolicy, Ranking, SweepCell, Swept, TrainSettings } from '@lever/grpo-trainer'
import type { Schema } from '@lever/settings'
import type { Context } from '../../command.ts'
import { version } from '../../version.ts'
import type { Cell, Grid } from './sweep-grid.ts'
import { cellsOf, REPEATED } from './sweep-grid.ts'

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
  const cells: SweepCell[] = []
  for (const cell of cellsOf(grid, table)) cells.push(await planned(cell, grid))
  if (cells.some(({ plan }) => plan?.validation === 0))
    throw new InputError('val-ratio is 0: there are no validation queries to rank on')
  const { sweep } = await import('@lever/grpo-trainer')
  const statistics = await import('@lever/icl-eval')
  const stage = progress.stage('sweep', { total: cells.length, unit: 'cells' })
  const versions = { lever: version() }
  const swept = await sweep(
    { ...choice, cells, statistics, versions },
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

/** The names of the axes besides the seed. */
export function axesOf({ axes }: Grid): string[] {
  return axes.map(({ name }) => name).filter((name) => name !== REPEATED)
}

/** A cell whose options are a plan, or what is wrong with them. */
async function planned({ labels: all, options, problem }: Cell, { axes }: Grid): Promise<SweepCell> {
  const seedAxis = axes.findIndex(({ name }) => name === REPEATED)
  const labels = all.filter((_, i) => i !== seedAxis)
  const name = all.map((label, i) => (i === seedAxis ? `seed ${label}` : label)).join(', ')
  const cell = { labels, seed: all[seedAxis] ?? '', name }
  if (options === undefined) return { ...cell, plan: undefined, problem }
  const { planTraining } = await import('@lever/grpo-trainer')
  try {
    return { ...cell, plan: planTraining({ ...options, out: '' } as unknown as TrainSettings) }
  } catch (error) {
    if (!isInputError(error)) throw error
    return { ...cell, plan: undefined, problem: error.message }
  }
}

/** The run directory of a sweep, once more after it. */
export function openSweep(out: string): Promise<RunDirectory> {
  return openRunDirectory({ path: out, command: 'sweep', config: {}, versions: { lever: version() } })
}
