import type { Interval, Spread } from '@lever/icl-eval'
import type { QueryRewards } from '@lever/grpo-trainer'
import type { CellRecord, ScoredPolicy } from './sweep-cell.ts'

/** Figures of a policy on validation that can rank: fields of `QueryRewards`. */
export const RANKINGS = ['ranked', 'top', 'expected', 'reward'] as const

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
  /** 95 % t interval: over seeds, with one seed over queries clustered by image; null where there is too little. */
  readonly interval: Interval | null
  /** The best row minus this one, over the seeds that both have; null for the best. */
  readonly behind: { readonly mean: number; readonly interval: Interval | null; readonly n: number } | null
  /** The four figures, and the bounds: means over seeds. */
  readonly figures: Readonly<Record<Ranking | 'oracle' | 'random', number>>
  readonly parameters: number
  readonly seconds: number
}

/** Rows of the finished cells, the best first; of equal ones the smaller policy, then the earlier. */
export async function rankRows(
  finished: readonly { readonly labels: readonly string[]; readonly cell: RankedCell }[],
  by: Ranking,
): Promise<SweepRow[]> {
  const { spread } = await import('@lever/icl-eval')
  const groups = new Map<string, { labels: readonly string[]; cells: RankedCell[] }>()
  for (const { labels, cell } of finished) {
    const key = JSON.stringify(labels)
    const group = groups.get(key) ?? { labels, cells: [] }
    group.cells.push(cell)
    groups.set(key, group)
  }
  const rows: SweepRow[] = []
  for (const { labels, cells } of groups.values()) {
    const over = spread(cells.map((cell) => meanOf(cell, by)))
    rows.push({
      labels,
      cells,
      mean: over.mean,
      sd: over.sd,
      interval: over.ci ?? (await overQueries(cells[0]!.policy.validation, (row) => row[by])),
      behind: null,
      figures: {
        ...byName(
          [...RANKINGS, 'oracle', 'random'],
          (name) => spread(cells.map((c) => meanOf(c, name))).mean,
        ),
      },
      parameters: cells[0]!.record.parameters,
      seconds: spread(cells.map(({ record }) => record.seconds)).mean,
    })
  }
  rows.sort((a, b) => b.mean - a.mean || a.parameters - b.parameters)
  const [best] = rows
  return Promise.all(
    rows.map(async (row) =>
      row === best ? row : { ...row, behind: await behindOf(best!, row, by, spread) },
    ),
  )
}

async function behindOf(
  best: SweepRow,
  row: SweepRow,
  by: Ranking,
  spread: (values: readonly number[]) => Spread,
): Promise<SweepRow['behind']> {
  const pairs = best.cells.flatMap((one) => {
    const other = row.cells.find(({ seed }) => seed === one.seed)
    return other === undefined ? [] : [[one, other] as const]
  })
  if (pairs.length === 0) return null
  const over = spread(pairs.map(([one, other]) => meanOf(one, by) - meanOf(other, by)))
  const { n, mean } = over
  if (n > 1) return { mean, interval: over.ci, n }
  const [one, other] = pairs[0]!
  const values = new Map(other.policy.validation.map((query) => [query.queryId, query[by]]))
  const isPaired =
    values.size === one.policy.validation.length &&
    one.policy.validation.every(({ queryId }) => values.has(queryId))
  const interval = isPaired
    ? await overQueries(one.policy.validation, (query) => query[by] - values.get(query.queryId)!)
    : null
  return { mean, interval, n }
}

async function overQueries(
  queries: readonly QueryRewards[],
  of: (query: QueryRewards) => number,
): Promise<Interval | null> {
  const { clusteredMean, clustersOf } = await import('@lever/icl-eval')
  const { clusters, interval } = clusteredMean(queries.map(of), clustersOf(queries.map((q) => q.imageId)))
  return clusters < 2 ? null : interval
}

function meanOf({ policy }: RankedCell, by: Ranking | 'oracle' | 'random'): number {
  return policy.validation.reduce((sum, query) => sum + query[by], 0) / policy.validation.length
}

function byName<const K extends string>(names: readonly K[], of: (name: K) => number): Record<K, number> {
  return Object.fromEntries(names.map((name) => [name, of(name)])) as Record<K, number>
}
