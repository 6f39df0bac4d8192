import type { RunDirectory } from '@lever/durable-files'
import { InputError } from '@lever/durable-files'
import type { CellPolicy, SweepRow, Swept } from '@lever/grpo-trainer'
import type { TableRow } from '@lever/icl-eval'
import type { Schema } from '@lever/settings'
import type { Context } from '../../command.ts'
import { formatTable } from '@lever/terminal'
import { placesOf } from '../inputs/dataset.ts'
import { runEvaluate } from '../evaluate/run-evaluate.ts'
import type { EvaluateSettings } from '../evaluate/run-evaluate.ts'
import { axesOf } from './run-sweep.ts'
import { checked } from './sweep-grid.ts'
import type { Grid } from './sweep-grid.ts'

export interface SweepTest {
  readonly json: unknown
  readonly text: string
}

/** A row at one number of shots: means over seeds, in 0..1. */
interface TestFigure {
  readonly shots: number
  readonly accuracy: number
  readonly sd: number | null
  /** (x - random) / (oracle - random). */
  readonly gapClosed: number | null
  readonly gapSd: number | null
}

/**
 * Asks the model about the choices of the best policy of every cell, as `lever evaluate` does, with the options under `test`
 * of the grid, in the folder `test`. The order of the rows stays that of the validation.
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
  const axes = axesOf(grid)
  const { checkpointOf } = await import('@lever/grpo-trainer')
  const given = checked(grid.test, table) as unknown as Omit<EvaluateSettings, 'out' | 'policies'> &
    Parameters<typeof placesOf>[0]
  const selectors = (given.selectors as readonly string[] | undefined) ?? BASELINES
  const policies = rows.flatMap(({ cells }) =>
    cells.map(({ name, folder }) => `${plain(name)}=${checkpointOf(folder, score)}`),
  )
  const { summary, out } = await runEvaluate(
    { ...given, ...placesOf(given), selectors, policies, out: run.file('test') },
    context,
  )
  const { spread, gapClosed } = await import('@lever/icl-eval')
  const accuracy = (selector: string, shots: number): number | null =>
    summary.table.find((row) => row.selector === selector && row.shots === shots)?.accuracy ?? null
  const figuresOf = ({ cells }: SweepRow): TestFigure[] =>
    given.shots.flatMap((shots): TestFigure[] => {
      const values = cells.flatMap(({ name }) => accuracy(plain(name), shots) ?? [])
      if (values.length === 0) return []
      const over = spread(values)
      const [random, oracle] = [accuracy('random', shots), accuracy('oracle', shots)]
      const gaps =
        random === null || oracle === null ? [] : values.flatMap((x) => gapClosed(x, random, oracle) ?? [])
      const gap = gaps.length > 0 ? spread(gaps) : undefined
      return [
        { shots, accuracy: over.mean, sd: over.sd, gapClosed: gap?.mean ?? null, gapSd: gap?.sd ?? null },
      ]
    })
  const tested = rows.map((row) => ({ labels: row.labels, seeds: row.cells.length, figures: figuresOf(row) }))
  const names = new Set(rows.flatMap(({ cells }) => cells.map(({ name }) => plain(name))))
  const baselines = summary.table.filter(({ selector }) => !names.has(selector))
  return {
    json: {
      questions: summary.questions,
      rows: tested.map(({ labels, ...row }) => ({
        ...Object.fromEntries(axes.map((axis, i) => [axis, labels[i]])),
        ...row,
      })),
      baselines: baselines.map(({ selector, shots, accuracy: value, ci }) => ({
        selector,
        shots,
        accuracy: value,
        ci,
      })),
      out,
    },
    text: formatTest({
      axes,
      shots: given.shots,
      tested,
      baselines,
      questions: summary.questions,
    }),
  }
}

const BASELINES = ['zero-shot', 'random', 'rices-image', 'rices-text', 'rices-both', 'oracle']

function formatTest({
  axes,
  shots,
  tested,
  baselines,
  questions,
}: {
  axes: readonly string[]
  shots: readonly number[]
  tested: readonly { labels: readonly string[]; figures: readonly TestFigure[] }[]
  baselines: readonly TableRow[]
  questions: number
}): string {
  const figure = (value: number | null | undefined, sd: number | null | undefined): string =>
    value === null || value === undefined
      ? ''
      : `${(100 * value).toFixed(1)}${sd === null || sd === undefined ? '' : ` ± ${(100 * sd).toFixed(1)}`}`
  const gapShots = shots.filter((k) => k > 0)
  const blank = axes.slice(1).map(() => '')
  const accuracies = tested.map(({ labels, figures }) => {
    const at = (k: number): TestFigure | undefined => figures.find((one) => one.shots === k)
    return [
      ...labels,
      ...shots.map((k) => figure(at(k)?.accuracy, at(k)?.sd)),
      ...gapShots.map((k) => figure(at(k)?.gapClosed, at(k)?.gapSd)),
    ]
  })
  const others = [...new Set(baselines.map(({ selector }) => selector))].map((selector) => {
    const at = (k: number): TableRow | undefined =>
      baselines.find((row) => row.selector === selector && row.shots === k)
    return [
      selector,
      ...blank,
      ...shots.map((k) => figure(at(k)?.accuracy, at(k)?.seeds?.sd)),
      ...gapShots.map(() => ''),
    ]
  })
  const head = [
    ...axes,
    ...shots.map((k) => `${k} ${k === 1 ? 'shot' : 'shots'}`),
    ...gapShots.map((k) => `gap at ${k}`),
  ]
  return [
    `On test (${questions} questions), rows as ranked on validation: accuracy in per cent over the number of shots, and the share of the random-to-oracle gap closed; mean ± standard deviation over seeds`,
    formatTable([head, ...accuracies, ...others], { left: Math.max(1, axes.length) }),
  ].join('\n\n')
}

/** A cell's name as a name of a policy, which has no = and no /. */
function plain(name: string): string {
  return name.replaceAll(/[=/]/g, '-')
}
