import { InputError, isInputError } from '@lever/durable-files'
import type { Schema } from '@lever/settings'
import type { TrainSettings } from '../settings/plan.ts'
import { planTraining } from '../settings/plan.ts'
import type { Grid, GridCell } from './grid.ts'
import { gridCells, REPEATED } from './grid.ts'
import type { SweepCell } from './sweep.ts'

/**
 * The cells of a grid as trainings. A cell whose options are wrong says what is wrong with them.
 *
 * @param table the options of a training
 * @throws InputError if there are no validation queries to rank on
 */
export function planCells(grid: Grid, table: Schema): SweepCell[] {
  const cells = gridCells(grid, table).map((cell) => planned(cell, grid))
  if (cells.some(({ plan }) => plan?.validation === 0))
    throw new InputError('val-ratio is 0: there are no validation queries to rank on')
  return cells
}

function planned({ labels: all, options, problem }: GridCell, { axes }: Grid): SweepCell {
  const seedAxis = axes.findIndex(({ name }) => name === REPEATED)
  const labels = all.filter((_, i) => i !== seedAxis)
  const name = all.map((label, i) => (i === seedAxis ? `seed ${label}` : label)).join(', ')
  const cell = { labels, seed: all[seedAxis] ?? '', name }
  if (options === undefined) return { ...cell, plan: undefined, problem }
  try {
    if (options['preset'] === 'auto') {
      throw new InputError('preset auto chooses one of several trainings; a sweep compares single ones')
    }
    return { ...cell, plan: planTraining({ ...options, out: '' } as unknown as TrainSettings) }
  } catch (error) {
    if (!isInputError(error)) throw error
    return { ...cell, plan: undefined, problem: error.message }
  }
}
