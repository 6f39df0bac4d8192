import { formatTable } from '@lever/terminal'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import type { SweepRow, SweepStatistics } from './rank.ts'

/** A row of an evaluation: a selector at a number of shots. Accuracies are in 0..1. */
export interface EvaluatedRow {
  readonly selector: string
  readonly shots: number
  readonly accuracy: number | null
  readonly ci: readonly [low: number, high: number] | null
  readonly seeds?: { readonly sd: number | null } | null | undefined
}

/** A row of a sweep at one number of shots: means over seeds, in 0..1. */
export interface TestFigure {
  readonly shots: number
  readonly accuracy: number
  readonly sd: number | null
  /** (x - random) / (oracle - random). */
  readonly gapClosed: number | null
  readonly gapSd: number | null
}

/** The rows of a sweep, and the results of evaluating their policies. */
export interface TestedSweepOptions {
  /** The names of the rows' labels. */
  readonly axes: readonly string[]
  /** Rows of the ranking, in its order. */
  readonly rows: readonly SweepRow[]
  /** Numbers of demonstrations that the table has, in the order of the columns. */
  readonly shots: readonly number[]
  /** The evaluation of the policies of all cells (named by `policyName`), and of baselines. */
  readonly table: readonly EvaluatedRow[]
  /** How many questions were evaluated, for the heading. */
  readonly questions: number
  /** Mean and spread over seeds, and the share of the way from random to the oracle; `@lever/icl-eval` has them. */
  readonly statistics: Pick<SweepStatistics, 'spread'> & {
    /** (value - random) / (oracle - random); null where there is no gap. */
    readonly gapClosed: (value: number, random: number, oracle: number) => number | null
  }
}

export const TESTED_SWEEP_OPTIONS: OptionNames<TestedSweepOptions> = {
  axes: true,
  rows: true,
  shots: true,
  table: true,
  questions: true,
  statistics: true,
}

/** The rows of a sweep on test, for machines and as text. The order stays that of the validation. */
export function testedSweep(options: TestedSweepOptions): {
  readonly json: Readonly<Record<string, unknown>>
  readonly text: string
} {
  refuseUnknownOptions(options, TESTED_SWEEP_OPTIONS, 'grpo-trainer: testedSweep')
  const { axes, rows, shots, table, questions, statistics } = options
  const { spread, gapClosed } = statistics
  const accuracy = (selector: string, at: number): number | null =>
    table.find((row) => row.selector === selector && row.shots === at)?.accuracy ?? null
  const figureAt = ({ cells }: SweepRow, at: number): TestFigure[] => {
    const values = cells.flatMap(({ name }) => accuracy(policyName(name), at) ?? [])
    if (values.length === 0) return []
    const over = spread(values)
    const [random, oracle] = [accuracy('random', at), accuracy('oracle', at)]
    const gaps =
      random === null || oracle === null ? [] : values.flatMap((x) => gapClosed(x, random, oracle) ?? [])
    const gap = gaps.length > 0 ? spread(gaps) : undefined
    const { mean, sd } = over
    return [{ shots: at, accuracy: mean, sd, gapClosed: gap?.mean ?? null, gapSd: gap?.sd ?? null }]
  }
  const tested = rows.map((row) => ({
    labels: row.labels,
    seeds: row.cells.length,
    figures: shots.flatMap((at) => figureAt(row, at)),
  }))
  const names = new Set(rows.flatMap(({ cells }) => cells.map(({ name }) => policyName(name))))
  const baselines = table.filter(({ selector }) => !names.has(selector))
  return {
    json: {
      questions,
      rows: tested.map(({ labels, ...row }) => ({
        ...Object.fromEntries(axes.map((axis, i) => [axis, labels[i]])),
        ...row,
      })),
      baselines: baselines.map(({ selector, shots: at, accuracy: value, ci }) => ({
        ...{ selector, shots: at, accuracy: value, ci },
      })),
    },
    text: formatTest({ axes, shots, tested, baselines, questions }),
  }
}

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
  baselines: readonly EvaluatedRow[]
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
    const at = (k: number): EvaluatedRow | undefined =>
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
export function policyName(cell: string): string {
  return cell.replaceAll(/[=/]/g, '-')
}
