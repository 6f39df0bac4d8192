import { InputError, openRunDirectory } from '@lever/durable-files'
import type { RunDirectory } from '@lever/durable-files'
import type { Context } from '../../command.ts'
import type { OptionTable } from '../../options.ts'
import { version } from '../../version.ts'
import type { CellRecord, Scored } from './sweep-cell.ts'
import { cachedHashes, keyOf, readCell } from './sweep-cell.ts'
import type { Cell, Grid } from './sweep-grid.ts'
import { cellsOf, readGrid, REPEATED } from './sweep-grid.ts'
import { runPool } from './sweep-pool.ts'
import { rankRows } from './sweep-rank.ts'
import type { Ranking, SweepRow } from './sweep-rank.ts'

export interface SweepSettings {
  /** Path of the grid file. */
  readonly grid: string
  readonly workers: number
  readonly rankBy: Ranking
  /** Which policy of a cell counts. */
  readonly score: Scored
}

/** Options that may stand in a grid, of the two commands. */
export interface GridTables {
  readonly train: OptionTable
  readonly evaluate: OptionTable
}

/** A cell that could not be trained. */
export interface FailedCell {
  readonly name: string
  readonly problem: string
}

export interface Swept {
  readonly grid: Grid
  /** Names of the axes besides the seed. */
  readonly axes: readonly string[]
  /** The best first. */
  readonly rows: readonly SweepRow[]
  readonly failed: readonly FailedCell[]
  /** Cells that were finished before. */
  readonly skipped: number
  /** Warnings of the trainings, with how many cells had each. */
  readonly warnings: Readonly<Record<string, number>>
}

/** A cell and what is known of it. */
interface Planned extends Cell {
  readonly name: string
  readonly folder: string
  readonly key: string
  readonly seed: string
  record?: CellRecord
  problem?: string
}

/**
 * Trains the cells of a grid that are not finished, each in a process and a folder of its own, and ranks all of them on their
 * validation queries. Reads training data only.
 */
export async function runSweep(
  run: RunDirectory,
  { grid: file, workers, rankBy, score }: SweepSettings,
  tables: GridTables,
  { progress, signal }: Context,
): Promise<Swept> {
  const grid = await readGrid(file, tables.train, tables.evaluate)
  const cells = await plan(grid, tables, run)
  const skipped = cells.filter(({ record }) => record !== undefined).length
  if (skipped > 0) progress.info(`${skipped} of ${cells.length} cells were finished before`)
  for (const { name, problem } of cells) if (problem !== undefined) progress.warn(`cell ${name}: ${problem}`)
  const warnings: Record<string, number> = {}
  const said = new Map<number, string>()
  const stage = progress.stage('sweep', { total: cells.length, unit: 'cells' })
  const show = (): void => {
    const done = cells.filter(({ record, problem }) => (record ?? problem) !== undefined).length
    stage.update(done, [...said.values()].join('; '))
  }
  show()
  await runPool({
    work: cells.flatMap(({ options, folder, key, record }, id) =>
      options === undefined || record !== undefined ? [] : [{ id, options, folder, key }],
    ),
    workers,
    signal,
    onSaid(id, text) {
      said.set(id, `${cells[id]!.name}: ${text}`)
      show()
    },
    onDone(id, record, own) {
      said.delete(id)
      cells[id]!.record = record
      for (const warning of own) warnings[warning] = (warnings[warning] ?? 0) + 1
      show()
    },
    onFailed(id, problem) {
      said.delete(id)
      cells[id]!.problem = problem
      progress.warn(`cell ${cells[id]!.name}: ${problem}`)
      show()
    },
  })
  signal.throwIfAborted()
  stage.end('')
  const seedAxis = grid.axes.findIndex(({ name }) => name === REPEATED)
  const finished = cells.flatMap(({ labels, seed, name, folder, record }) =>
    record === undefined
      ? []
      : [
          {
            labels: labels.filter((_, i) => i !== seedAxis),
            cell: { seed, name, folder, record, policy: record[score] },
          },
        ],
  )
  return {
    grid,
    axes: grid.axes.map(({ name }) => name).filter((name) => name !== REPEATED),
    rows: await rankRows(finished, rankBy),
    failed: cells.flatMap(({ name, problem }) => (problem === undefined ? [] : [{ name, problem }])),
    skipped,
    warnings,
  }
}

/** The result of a sweep, in its run directory. */
export const RANKING = 'ranking.json'

/** The run directory of a sweep. Any grid may be run in it; finished cells are known by what they depend on. */
export function openSweep(out: string): Promise<RunDirectory> {
  return openRunDirectory({ path: out, command: 'sweep', config: {}, versions: { lever: version() } })
}

async function plan(grid: Grid, { train }: GridTables, run: RunDirectory): Promise<Planned[]> {
  const seedAxis = grid.axes.findIndex(({ name }) => name === REPEATED)
  const hashes = cachedHashes()
  const cells: Planned[] = []
  for (const cell of cellsOf(grid, train)) {
    const { labels, options } = cell
    const name = labels.map((label, i) => (i === seedAxis ? `seed ${label}` : label)).join(', ')
    const planned = { ...cell, name, folder: '', key: '', seed: labels[seedAxis] ?? '' }
    if (options === undefined) {
      cells.push(planned)
      continue
    }
    try {
      const key = await keyOf(options, hashes)
      const folder = run.file(`cells/${folderName(name)}-${key.slice(0, 8)}`)
      const record = await readCell(folder, key)
      cells.push({ ...planned, folder, key, ...(record && { record }) })
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error)
      cells.push({ ...planned, options: undefined, problem })
    }
  }
  if (cells.some(({ options }) => options?.['valRatio'] === 0))
    throw new InputError('val-ratio is 0: there are no validation queries to rank on')
  return cells
}

function folderName(name: string): string {
  return name
    .replaceAll(/[^\w.+-]+/g, '-')
    .replaceAll(/^[-.]+|-+$/g, '')
    .slice(0, 80)
}
