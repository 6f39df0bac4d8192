import type { RunDirectory } from '@lever/durable-files'
import { InputError } from '@lever/durable-files'
import type { CellPolicy, Grid, Swept } from '@lever/grpo-trainer'
import type { Schema } from '@lever/settings'
import type { Context } from '../../command.ts'
import { placesOf } from '../inputs/dataset.ts'
import { runEvaluate } from '../evaluate/run-evaluate.ts'
import type { EvaluateSettings } from '../evaluate/run-evaluate.ts'

export interface SweepTest {
  readonly json: unknown
  readonly text: string
}

const BASELINES = ['zero-shot', 'random', 'rices-image', 'rices-text', 'rices-both', 'oracle']

/**
 * Asks the model about the choices of the best policy of every cell, as `lever evaluate` does, with the options under `test`
 * of the grid, in the folder `test`.
 */
export async function runSweepTest(
  run: RunDirectory,
  { grid, rows }: Swept & { readonly grid: Grid },
  table: Schema,
  score: CellPolicy,
  context: Context,
): Promise<SweepTest> {
  if (grid.test === undefined) {
    throw new InputError('--test: the grid says nothing under "test:"; write options of lever evaluate there')
  }
  const { checkpointOf, gridAxes, policyName, readGridOptions, testedSweep } =
    await import('@lever/grpo-trainer')
  const given = readGridOptions(grid.test, table) as unknown as Omit<EvaluateSettings, 'out' | 'policies'> &
    Parameters<typeof placesOf>[0]
  const selectors = (given.selectors as readonly string[] | undefined) ?? BASELINES
  const policies = rows.flatMap(({ cells }) =>
    cells.map(({ name, folder }) => `${policyName(name)}=${checkpointOf(folder, score)}`),
  )
  const { summary, out } = await runEvaluate(
    { ...given, ...placesOf(given), selectors, policies, out: run.file('test') },
    context,
  )
  const tested = testedSweep({
    axes: gridAxes(grid),
    rows,
    shots: given.shots,
    table: summary.table,
    questions: summary.questions,
    statistics: await import('@lever/icl-eval'),
  })
  return { json: { ...tested.json, out }, text: tested.text }
}
