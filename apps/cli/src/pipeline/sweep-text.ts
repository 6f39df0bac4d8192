import type { Interval } from '@lever/icl-eval'
import { formatTable } from '../table.ts'
import { seconds } from '../progress.ts'
import type { Swept } from './run-sweep.ts'
import type { Ranking, SweepRow } from './sweep-rank.ts'

/** What the ranking figure is. */
const MEANING: Readonly<Record<Ranking, string>> = {
  ranked: 'how well the policy orders the measured pointers',
  top: 'that of the measured pointer that the policy finds most probable',
  expected: 'expected over the measured pointers in proportion to their probability',
  reward: 'that of the greedy pointer where it was measured, else expected',
}

/** The table of a sweep, accuracies in per cent. */
export function formatSwept({ axes, rows, failed, warnings }: Swept, by: Ranking): string {
  const [best] = rows
  const lines: string[] = []
  if (best !== undefined) {
    const count = best.cells.length
    const queries = best.cells[0]!.policy.validation.length
    lines.push(
      `Official accuracy in per cent on validation (${queries} queries${count > 1 ? `, ${count} seeds` : ''}): ${MEANING[by]}.`,
      `Intervals are 95 %, ${count > 1 ? 'over seeds' : 'over queries, clustered by image'}.${rows.length > 1 ? ` They are not corrected for the number of rows, and the figure of the first row, the largest of ${rows.length}, is too high on average.` : ''}`,
      '',
      formatTable([headOf(axes), ...rows.map(cellsOf)], { left: axes.length }),
      '',
      `of the same pointers: random ${percent(best.figures.random)}, oracle ${percent(best.figures.oracle)}`,
    )
  }
  for (const [warning, cells] of Object.entries(warnings)) lines.push(`warning in ${cells} cells: ${warning}`)
  if (failed.length > 0) {
    lines.push(
      '',
      `${failed.length} cells failed:`,
      ...failed.map(({ name, problem }) => `  ${name}: ${problem}`),
    )
  }
  return lines.join('\n')
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
}: SweepRow): string[] {
  return [
    ...labels,
    String(cells.length),
    percent(mean),
    between(interval),
    sd === null ? '' : percent(sd),
    behind === null ? '' : percent(behind.mean),
    behind === null ? '' : between(behind.interval),
    percent(figures.top),
    String(parameters),
    seconds(row.seconds),
  ]
}

/** The result of a sweep for machines, accuracies in 0..1. */
export function sweptJson({ axes, rows, failed, skipped, warnings }: Swept, by: Ranking): object {
  return {
    rankedBy: by,
    axes,
    rows: rows.map(({ cells, labels, ...row }) => ({
      ...Object.fromEntries(axes.map((axis, i) => [axis, labels[i]])),
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

function percent(value: number): string {
  return (100 * value).toFixed(1)
}

function between(interval: Interval | null): string {
  return interval === null ? '' : `[${percent(interval[0])}, ${percent(interval[1])}]`
}
