import { createRandom } from '@lever/reward-utils'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import type { OracleLevel } from '../oracle-types.ts'
import { bootstrapMeans } from '../statistics/bootstrap.ts'
import { clusteredMean } from '../statistics/clustered-mean.ts'
import { gapClosedInterval } from '../statistics/gap.ts'
import { percentileInterval, sortedQuantile } from '../statistics/interval.ts'
import { spread } from '../statistics/spread.ts'
import type { EvaluationRow } from '../types.ts'
import { baselineCell, BEST_BASELINE, isBaseline } from './baselines.ts'
import type { Cell } from './cells.ts'
import { cellsOf } from './cells.ts'
import { columnSet } from './columns.ts'
import { comparePairs, pairsOf } from './compare.ts'
import { isSwapped, splitCells, splitRow } from './split.ts'
import type { GapRow, Summary, TableRow } from './types.ts'

/** Resamples, seed and comparisons of a summary. */
export interface SummarizeOptions {
  /**
   * Selectors that the others are compared with. `best baseline` stands for the most accurate one of the table, with
   * which what is not a baseline itself is compared. Default the best and `random`.
   */
  readonly baselines?: readonly string[]
  /** Bounds, which are not compared. Default `oracle` and `worst`. */
  readonly bounds?: readonly string[]
  /** Ends of the gaps: from each of `from` (default the best baseline and `random`) to `to` (default `oracle`). */
  readonly gap?: { readonly from: readonly string[]; readonly to: string }
  /** `levels` of `measureOracle`, to say how the oracle was measured. */
  readonly oracle?: readonly OracleLevel[]
  /** Seed of resampling. Default 0. */
  readonly seed?: number
  /** Default 10,000. */
  readonly resamples?: number
  /** Of all intervals. Default 0.95. */
  readonly level?: number
}

export const SUMMARIZE_OPTIONS: OptionNames<SummarizeOptions> = {
  baselines: true,
  bounds: true,
  gap: true,
  oracle: true,
  seed: true,
  resamples: true,
  level: true,
}

/**
 * The table of an evaluation: accuracy per selector and number of shots with intervals, every paired difference to
 * the baselines with interval and p, the shares that are closed of the gaps from the best baseline and from random to
 * the oracle. All intervals come from one paired bootstrap clustered by image; those of differences to the best
 * baseline allow for its having been picked on the same questions. Throws RangeError without rows.
 */
export function summarize(rows: readonly EvaluationRow[], options: SummarizeOptions = {}): Summary {
  refuseUnknownOptions(options, SUMMARIZE_OPTIONS, 'icl-eval: summarize')
  const {
    baselines = [BEST_BASELINE, 'random'],
    bounds = ['oracle', 'worst'],
    gap = { from: [BEST_BASELINE, 'random'], to: 'oracle' },
    oracle = [],
    seed = 0,
    resamples = 10_000,
    level = 0.95,
  } = options
  if (rows.length === 0) throw new RangeError('icl-eval: there are no rows to summarize')
  const { cells, queries, clusters } = cellsOf(rows)
  const set = columnSet()
  const own = cells.map((cell) => set.paired(cell.values)[0]!)
  const pairs = pairsOf(cells, set, { baselines, bounds })
  const gaps = gapsOf(cells, gap, bounds).map((ends) => ({
    ...ends,
    columns: set.paired(ends.cell.values, ends.from.values, ends.to.values),
  }))
  const splits = splitCells(cells, set)
  const bootstrap = bootstrapMeans({
    columns: set.columns,
    clusters,
    resamples,
    random: createRandom(seed, 'bootstrap'),
  })
  const comparisons = comparePairs(pairs, { columns: set.columns, bootstrap, clusters, seed, level })
  const table = cells.flatMap((cell, i): TableRow[] => {
    if (isSwapped(cell.selector)) return []
    const mean = clusteredMean(cell.values, clusters, level)
    const measured = mean.n > 0
    const row = {
      selector: cell.selector,
      shots: cell.shots,
      accuracy: measured ? bootstrap.estimates[own[i]!]! : null,
      ci: measured ? percentileInterval(bootstrap.samples[own[i]!]!, level) : null,
      n: mean.n,
      ...(cell.prompts !== 1 && { prompts: cell.prompts }),
      images: mean.clusters,
      seeds: cell.seedMeans.length > 0 ? spread(cell.seedMeans, level) : null,
      comparisons: comparisons.filter((c) => c.selector === cell.selector && c.shots === cell.shots),
    }
    return [row]
  })
  const gapClosed = gaps.map(({ cell, from, role, columns: [x, random, top] }): GapRow => {
    const closed = gapClosedInterval(bootstrap, { x: x!, random: random!, oracle: top! }, level)
    return { selector: cell.selector, shots: cell.shots, from: from.selector, role, ...closed }
  })
  const split = splits.flatMap((one) => splitRow(one, bootstrap, level))
  const detectable = comparisons.flatMap((c) => c.detectable ?? []).sort((a, b) => a - b)
  return {
    table,
    gapClosed,
    ...(split.length > 0 && { split }),
    baselines,
    questions: queries.length,
    images: clusters.count,
    detectable: detectable.length > 0 ? sortedQuantile(detectable, 0.5) : null,
    modes: {
      file: rows.filter((row) => row.mode === 'file').length,
      fallback: rows.filter((row) => row.mode === 'fallback').length,
      error: rows.filter((row) => row.mode === 'error').length,
    },
    oracle,
    level,
    resamples,
    seed,
  }
}

function gapsOf(
  cells: readonly Cell[],
  gap: { readonly from: readonly string[]; readonly to: string },
  bounds: readonly string[],
): { readonly cell: Cell; readonly from: Cell; readonly to: Cell; readonly role: string }[] {
  const compared = cells.filter(({ selector }) => !bounds.includes(selector) && !isSwapped(selector))
  return gap.from.flatMap((role) =>
    compared.flatMap((cell) => {
      if (role === BEST_BASELINE && isBaseline(cell.selector)) return []
      const from = baselineCell(cells, role, cell.shots)
      const to = cells.find(({ selector, shots }) => selector === gap.to && shots === cell.shots)
      return from && to && cell.selector !== from.selector ? [{ cell, from, to, role }] : []
    }),
  )
}
