import { formatTable, seconds } from '@lever/terminal'
import type { Interval, Ranking } from './rank.ts'
import type { ResultRow, SweepResult } from './result.ts'

/** What the ranking figure is. */
const MEANING: Readonly<Record<Ranking, string>> = {
  ranked: 'how well the policy orders the measured pointers',
  top: 'that of the measured pointer that the policy finds most probable',
  expected: 'expected over the measured pointers in proportion to their probability',
  reward: 'that of the greedy pointer where it was measured, else expected',
}

/** The table of a sweep and what must be known of it, accuracies in per cent. */
export function formatSwept(result: SweepResult): string {
  const [bounds] = boundsOf(result)
  return [
    ...(bounds === undefined
      ? []
      : [
          ...meaningOf(result),
          '',
          formatTable(rankingTable(result), { left: result.axes.length }),
          '',
          bounds,
        ]),
    ...warningsOf(result),
    ...failuresOf(result),
  ].join('\n')
}

/** Header and rows. */
export function rankingTable({ axes, rows }: SweepResult): string[][] {
  return [headOf(axes), ...rows.map(cellsOf)]
}

/** What must be known of the table, as sentences. */
export function rankingNotes(result: SweepResult): string[] {
  return [
    ...meaningOf(result),
    ...boundsOf(result),
    ...warningsOf(result),
    ...failuresOf(result).filter((line) => line !== ''),
  ]
}

function meaningOf({ rankedBy, queries, rows }: SweepResult): string[] {
  const [best] = rows
  if (best === undefined) return []
  const count = best.cells.length
  const few = rows.some(({ cells, interval }) => cells.length > 1 && interval === null)
  return [
    `Official accuracy in per cent on validation (${queries} queries${count > 1 ? `, ${count} seeds` : ''}): ${MEANING[rankedBy]}.`,
    `Intervals are 95 %, ${count > 1 ? 'over seeds' : 'over queries, clustered by image'}.${rows.length > 1 ? ` They are not corrected for the number of rows, and the figure of the first row, the largest of ${rows.length}, is too high on average.` : ''}`,
    ...(few
      ? ['Two seeds are too small a sample for an interval over seeds; run three or more, better five.']
      : []),
  ]
}

function boundsOf({ rows: [best] }: SweepResult): string[] {
  if (best === undefined) return []
  const { random, oracle } = best.figures
  return [`of the same pointers: random ${percent(random)}, oracle ${percent(oracle)}`]
}

function warningsOf({ warnings }: SweepResult): string[] {
  return Object.entries(warnings).map(([warning, cells]) => `warning in ${cells} cells: ${warning}`)
}

function failuresOf({ failed }: SweepResult): string[] {
  if (failed.length === 0) return []
  const lines = failed.map(({ name, problem }) => `  ${name}: ${problem}`)
  return ['', `${failed.length} cells failed:`, ...lines]
}

function headOf(axes: readonly string[]): string[] {
  return [...axes, 'n', 'accuracy', '95 %', 'sd', 'behind the best', '95 %', 'top', 'parameters', 'time']
}

function cellsOf({
  labels,
  cells,
  mean,
  interval,
  sd,
  behind,
  figures,
  parameters,
  ...row
}: ResultRow): string[] {
  return [
    ...labels,
    String(cells.length),
    percent(mean),
    between(interval, cells.length),
    sd === null ? '' : percent(sd),
    behind === null ? '' : percent(behind.mean),
    behind === null ? '' : between(behind.interval, behind.n),
    percent(figures.top),
    String(parameters),
    seconds(row.seconds),
  ]
}

function percent(value: number): string {
  return (100 * value).toFixed(1).replace(/^-(0\.0)$/, '$1')
}

function between(interval: Interval | null, seeds: number): string {
  if (interval === null) return seeds > 1 ? `of ${seeds} seeds: none` : 'none'
  return `[${percent(interval[0])}, ${percent(interval[1])}]`
}
