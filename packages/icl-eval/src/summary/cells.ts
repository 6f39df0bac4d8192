import type { Clusters } from '../statistics/clusters.ts'
import { clustersOf } from '../statistics/clusters.ts'
import type { EvaluationRow } from '../types.ts'

/** The accuracies of one selector at one number of shots. */
export interface Cell {
  readonly selector: string
  readonly shots: number
  /** [n] mean over the seeds with a row, for every question; NaN where there is none or an answer failed. */
  readonly values: Float64Array
  /**
   * Mean accuracy of every seed over the questions with an accuracy; empty without seeds, and where seeds have different
   * questions, as draws of measured data have: these means would differ by the questions.
   */
  readonly seedMeans: readonly number[]
  /** Mean number of prompts that an answer took. */
  readonly prompts: number
  /** The seeds that there are rows of. */
  readonly seeds: readonly number[]
  /** Are the values means over seeds? */
  readonly seeded: boolean
}

export interface Cells {
  readonly cells: readonly Cell[]
  /** Query ids in the order of their first row; entry i of every cell belongs to query i. */
  readonly queries: readonly number[]
  /** Questions about one image. */
  readonly clusters: Clusters
}

/** Sorts rows into cells, in the order in which selectors and shots first appear. */
export function cellsOf(rows: readonly EvaluationRow[]): Cells {
  const position = new Map<number, number>()
  const images: (number | string | null)[] = []
  const groups = new Map<string, EvaluationRow[]>()
  for (const row of rows) {
    if (!position.has(row.query)) {
      position.set(row.query, position.size)
      images.push(row.image)
    }
    const key = `${row.shots} ${row.selector}`
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [row])
    else group.push(row)
  }
  const cells = Array.from(groups.values(), (group) => cellOf(group, position))
  return { cells, queries: Array.from(position.keys()), clusters: clustersOf(images) }
}

function cellOf(rows: readonly EvaluationRow[], position: ReadonlyMap<number, number>): Cell {
  const sums = new Float64Array(position.size)
  const counts = new Float64Array(position.size)
  const seeds = new Map<number, { sum: number; count: number; rows: number }>()
  for (const { query, seed, accuracy } of rows) {
    const i = position.get(query)!
    counts[i]! += 1
    sums[i]! += accuracy ?? NaN
    if (seed === null) continue
    const total = seeds.get(seed) ?? { sum: 0, count: 0, rows: 0 }
    const one = accuracy === null ? 0 : 1
    seeds.set(seed, { sum: total.sum + (accuracy ?? 0), count: total.count + one, rows: total.rows + 1 })
  }
  const perSeed = Array.from(seeds.values())
  const asked = counts.reduce((sum, each) => sum + (each > 0 ? 1 : 0), 0)
  const comparable = perSeed.every((total) => total.rows === asked)
  return {
    selector: rows[0]!.selector,
    shots: rows[0]!.shots,
    values: sums.map((sum, i) => sum / counts[i]!),
    prompts: rows.reduce((sum, { prompts = 1 }) => sum + prompts, 0) / rows.length,
    seeds: [...seeds.keys()].sort((a, b) => a - b),
    seeded: seeds.size > 0,
    seedMeans: comparable
      ? perSeed.filter(({ count }) => count > 0).map(({ sum, count }) => sum / count)
      : [],
  }
}
