import { openRunDirectory } from '@lever/durable-files'
import type { RunDirectory } from '@lever/durable-files'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import type { TrainingPlan } from '../files/plan.ts'
import { cachedHashes, keyOf, readCell } from './cell.ts'
import type { CellRecord, CellPolicy } from './cell.ts'
import { runPool } from './pool.ts'
import { rankRows } from './rank.ts'
import type { Ranking, SweepRow, SweepStatistics } from './rank.ts'

/** One training of a sweep. */
export interface SweepCell {
  /** Values of the axes besides the seed. */
  readonly labels: readonly string[]
  /** Value of the seed axis; empty without one. Cells that differ in it alone are one row of the ranking. */
  readonly seed: string
  readonly name: string
  /** The training; `out` is chosen by the sweep. Undefined where the settings are wrong, as `problem` says. */
  readonly plan: Omit<TrainingPlan, 'out'> | undefined
  readonly problem?: string | undefined
}

/** The cells of a sweep, and how they run and are ranked. */
export interface SweepSettings {
  /** The trainings; those that differ in the seed alone are one row of the ranking. */
  readonly cells: readonly SweepCell[]
  /** Run directory; a folder per cell in it. */
  readonly out: string
  /** Cells that are trained at a time, each in a process of its own (default 1). */
  readonly workers?: number
  /** Figure on validation that ranks (default `ranked`). */
  readonly rankBy?: Ranking
  /** Which policy of a cell counts (default `best`). */
  readonly score?: CellPolicy
  /** Mean and interval over seeds and over images; `@lever/icl-eval` has them. */
  readonly statistics: SweepStatistics
  /** For the manifests, and part of what a cell depends on. */
  readonly versions?: Readonly<Record<string, string>>
}

export const SWEEP_SETTINGS: OptionNames<SweepSettings> = {
  cells: true,
  out: true,
  workers: true,
  rankBy: true,
  score: true,
  statistics: true,
  versions: true,
}

/** What happens in a sweep. */
export type SweepEvent =
  | { readonly type: 'notice'; readonly message: string }
  | { readonly type: 'warning'; readonly message: string }
  | {
      readonly type: 'progress'
      readonly done: number
      readonly cells: number
      /** What the cells in work say. */
      readonly said: string
    }

/** How a sweep reports and is stopped. */
export interface SweepHooks {
  /** Ends the sweep; what the cells in hand saved is continued by the same call. */
  readonly signal?: AbortSignal
  /** Called for every event of the sweep and of its cells. */
  readonly onEvent?: (event: SweepEvent) => void
}

export const SWEEP_HOOKS: OptionNames<SweepHooks> = { signal: true, onEvent: true }

/** A cell that could not be trained. */
export interface FailedCell {
  readonly name: string
  readonly problem: string
}

/** A finished sweep, or what an interrupted one has. */
export interface Swept {
  /** Path of the run directory. */
  readonly out: string
  /** The best first. */
  readonly rows: readonly SweepRow[]
  readonly failed: readonly FailedCell[]
  /** Cells that were finished before. */
  readonly skipped: number
  /** Warnings of the trainings, with how many cells had each. */
  readonly warnings: Readonly<Record<string, number>>
}

/** A cell and what is known of it. */
interface Planned {
  readonly cell: SweepCell
  readonly plan: TrainingPlan | undefined
  readonly key: string
  record?: CellRecord
  problem?: string | undefined
}

/**
 * Trains the cells that are not finished, each in a process and a folder of its own, and ranks all of them on their validation
 * queries, as `lever sweep` does. Called again, it skips finished cells and continues others. Reads training data only.
 * @throws the reason of the signal if it is interrupted; every cell in work is saved first
 */
export async function sweep(settings: SweepSettings, hooks: SweepHooks = {}): Promise<Swept> {
  refuseUnknownOptions(settings, SWEEP_SETTINGS, 'grpo-trainer: sweep')
  refuseUnknownOptions(hooks, SWEEP_HOOKS, 'grpo-trainer: sweep')
  const { out, versions = {} } = settings
  const run = await openRunDirectory({ path: out, command: 'sweep', config: {}, versions })
  try {
    return await sweepIn(run, settings, hooks)
  } finally {
    await run.close()
  }
}

async function sweepIn(
  run: RunDirectory,
  { cells: given, workers = 1, rankBy = 'ranked', score = 'best', statistics, versions = {} }: SweepSettings,
  { signal = new AbortController().signal, onEvent = () => undefined }: SweepHooks,
): Promise<Swept> {
  const cells = await planCells(given, run, versions)
  const skipped = cells.filter(({ record }) => record !== undefined).length
  if (skipped > 0) {
    onEvent({ type: 'notice', message: `${skipped} of ${cells.length} cells were finished before` })
  }
  const warn = ({ cell, problem = '' }: Planned): void =>
    onEvent({ type: 'warning', message: `cell ${cell.name}: ${problem}` })
  for (const cell of cells) if (cell.problem !== undefined) warn(cell)
  const warnings: Record<string, number> = {}
  const said = new Map<number, string>()
  const show = (): void => {
    const done = cells.filter(({ record, problem }) => (record ?? problem) !== undefined).length
    onEvent({ type: 'progress', done, cells: cells.length, said: [...said.values()].join('; ') })
  }
  show()
  await runPool({
    work: cells.flatMap(({ plan, key, record }, id) =>
      plan === undefined || record !== undefined ? [] : [{ id, plan, key, versions }],
    ),
    workers,
    signal,
    onSaid(id, text) {
      said.set(id, `${cells[id]!.cell.name}: ${text}`)
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
      warn(cells[id]!)
      show()
    },
  })
  signal.throwIfAborted()
  const finished = cells.flatMap(({ cell: { labels, seed, name }, plan, record }) =>
    plan === undefined || record === undefined
      ? []
      : [{ labels, cell: { seed, name, folder: plan.out, record, policy: record[score] } }],
  )
  const failed = cells.flatMap(({ cell: { name }, problem }) =>
    problem === undefined ? [] : [{ name, problem }],
  )
  return { out: run.path, rows: rankRows(finished, rankBy, statistics), failed, skipped, warnings }
}

async function planCells(
  cells: readonly SweepCell[],
  run: RunDirectory,
  versions: Readonly<Record<string, string>>,
): Promise<Planned[]> {
  const hashes = cachedHashes()
  const planned: Planned[] = []
  for (const cell of cells) {
    if (cell.plan === undefined) {
      planned.push({ cell, plan: undefined, key: '', problem: cell.problem ?? 'its settings are wrong' })
      continue
    }
    try {
      const key = await keyOf(cell.plan, versions, hashes)
      const plan = { ...cell.plan, out: run.file(`cells/${folderName(cell.name)}-${key.slice(0, 8)}`) }
      const record = await readCell(plan.out, key)
      planned.push({ cell, plan, key, ...(record && { record }) })
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error)
      planned.push({ cell, plan: undefined, key: '', problem })
    }
  }
  return planned
}

function folderName(name: string): string {
  return name
    .replaceAll(/[^\w.+-]+/g, '-')
    .replaceAll(/^[-.]+|-+$/g, '')
    .slice(0, 80)
}
