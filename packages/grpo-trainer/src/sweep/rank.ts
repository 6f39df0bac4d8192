import type { QueryRewards } from '../reward-metrics.ts'
import type { CellRecord, ScoredPolicy } from './cell.ts'

/** Ends of an interval. */
export type Interval = readonly [low: number, high: number]

interface Spread {
  readonly n: number
  readonly mean: number
  readonly sd: number | null
  readonly ci: Interval | null
}

/** Clusters of values: number of each value's cluster, and how many there are. */
interface Clusters {
  readonly index: Int32Array
  readonly count: number
}

/** The statistics that a ranking needs; `@lever/icl-eval` has all three. */
export interface SweepStatistics {
  /** Mean, standard deviation and t interval of one figure over seeds. */
  readonly spread: (values: readonly number[]) => Spread
  /** The cluster of every value by an id, such as its image; a value without an id is one of its own. */
  readonly clustersOf: (ids: readonly (number | string | null | undefined)[]) => Clusters
  /** Mean of values and its interval, which values of one cluster widen. */
  readonly clusteredMean: (
    values: readonly number[],
    clusters: Clusters,
  ) => { readonly clusters: number; readonly interval: Interval }
}

/** Figures of a policy on validation that can rank: fields of `QueryRewards`. */
export const RANKINGS = ['ranked', 'top', 'expected', 'reward'] as const

/** A name of {@link RANKINGS}: what rows of a sweep are ranked by. */
export type Ranking = (typeof RANKINGS)[number]

/** A finished cell in its row. */
export interface RankedCell {
  /** Value of the seed axis; empty without one. */
  readonly seed: string
  readonly name: string
  readonly folder: string
  readonly record: CellRecord
  /** The policy that is scored. */
  readonly policy: ScoredPolicy
}

/** A row of the table: cells that differ in the seed alone. Accuracies are in 0..1. */
export interface SweepRow {
  /** Values of the axes besides the seed. */
  readonly labels: readonly string[]
  readonly cells: readonly RankedCell[]
  /** Mean of the figure that ranks, over seeds. */
  readonly mean: number
  /** Standard deviation over seeds; null with one. */
  readonly sd: number | null
  /** 95 % interval: t over three seeds or more, with one seed over queries clustered by image; null where there is too little. */
  readonly interval: Interval | null
  /** The best row minus this one, over the seeds that both have; null for the best. */
  readonly behind: { readonly mean: number; readonly interval: Interval | null; readonly n: number } | null
  /** The four figures, and the bounds: means over seeds. */
  readonly figures: Readonly<Record<Ranking | 'oracle' | 'random', number>>
  readonly parameters: number
  readonly seconds: number
}

/** With fewer seeds an interval over them says nothing: of two it is 12.7 standard errors wide to each side. */
export const MIN_SEEDS_FOR_INTERVAL = 3

/** Rows of the finished cells, the best first; of equal ones the smaller policy, then the earlier. */
export function rankRows(
  finished: readonly { readonly labels: readonly string[]; readonly cell: RankedCell }[],
  by: Ranking,
  statistics: SweepStatistics,
): SweepRow[] {
  const groups = new Map<string, { labels: readonly string[]; cells: RankedCell[] }>()
  for (const { labels, cell } of finished) {
    const key = JSON.stringify(labels)
    const group = groups.get(key) ?? { labels, cells: [] }
    group.cells.push(cell)
    groups.set(key, group)
  }
  const rows = Array.from(groups.values(), ({ labels, cells }) => rowOf(labels, cells, by, statistics))
  rows.sort((a, b) => b.mean - a.mean || a.parameters - b.parameters)
  const [best] = rows
  return rows.map((row) => (row === best ? row : { ...row, behind: behindOf(best!, row, by, statistics) }))
}

function rowOf(
  labels: readonly string[],
  cells: readonly RankedCell[],
  by: Ranking,
  statistics: SweepStatistics,
): SweepRow {
  const { spread } = statistics
  const over = spread(cells.map((cell) => meanOf(cell, by)))
  const figures = [...RANKINGS, 'oracle', 'random'] as const
  return {
    labels,
    cells,
    mean: over.mean,
    sd: over.sd,
    interval:
      over.n === 1
        ? overQueries(cells[0]!.policy.validation, (query) => query[by], statistics)
        : overSeeds(over),
    behind: null,
    figures: byName(figures, (name) => spread(cells.map((cell) => meanOf(cell, name))).mean),
    parameters: cells[0]!.record.parameters,
    seconds: spread(cells.map(({ record }) => record.seconds)).mean,
  }
}

/** The interval over seeds; null where there are too few for it to say anything. */
function overSeeds({ n, ci }: Spread): Interval | null {
  return n < MIN_SEEDS_FOR_INTERVAL ? null : ci
}

function behindOf(
  best: SweepRow,
  row: SweepRow,
  by: Ranking,
  statistics: SweepStatistics,
): SweepRow['behind'] {
  const pairs = best.cells.flatMap((one) => {
    const other = row.cells.find(({ seed }) => seed === one.seed)
    return other === undefined ? [] : [[one, other] as const]
  })
  if (pairs.length === 0) return null
  const over = statistics.spread(pairs.map(([one, other]) => meanOf(one, by) - meanOf(other, by)))
  const { n, mean } = over
  if (n > 1) return { mean, interval: overSeeds(over), n }
  const [one, other] = pairs[0]!
  const values = new Map(other.policy.validation.map((query) => [query.queryId, query[by]]))
  const isPaired =
    values.size === one.policy.validation.length &&
    one.policy.validation.every(({ queryId }) => values.has(queryId))
  const difference = (query: QueryRewards): number => query[by] - values.get(query.queryId)!
  return { mean, interval: isPaired ? overQueries(one.policy.validation, difference, statistics) : null, n }
}

function overQueries(
  queries: readonly QueryRewards[],
  of: (query: QueryRewards) => number,
  { clusteredMean, clustersOf }: SweepStatistics,
): Interval | null {
  const { clusters, interval } = clusteredMean(queries.map(of), clustersOf(queries.map((q) => q.imageId)))
  return clusters < 2 ? null : interval
}

function meanOf({ policy }: RankedCell, by: Ranking | 'oracle' | 'random'): number {
  return policy.validation.reduce((sum, query) => sum + query[by], 0) / policy.validation.length
}

function byName<const K extends string>(names: readonly K[], of: (name: K) => number): Record<K, number> {
  return Object.fromEntries(names.map((name) => [name, of(name)])) as Record<K, number>
}
