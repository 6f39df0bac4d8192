import { createRandom } from '@lever/reward-utils'
import type { Bootstrap } from '../statistics/bootstrap.ts'
import { clusteredMean } from '../statistics/clustered-mean.ts'
import type { Clusters } from '../statistics/clusters.ts'
import { minimumDetectableEffect } from '../statistics/detectable.ts'
import { holm } from '../statistics/holm.ts'
import { mcnemar } from '../statistics/mcnemar.ts'
import { signFlipP } from '../statistics/sign-flip.ts'
import { againstBest, differenceOf } from './against-best.ts'
import { baselineCell, baselineCells, BEST_BASELINE, isBaseline } from './baselines.ts'
import type { Cell } from './cells.ts'
import type { ColumnSet } from './columns.ts'
import { isSwapped } from './split.ts'
import type { Comparison } from './types.ts'

/** A cell and a baseline, with the columns of both over the questions that both have. */
interface Pair {
  readonly cell: Cell
  readonly baseline: Cell
  /** What the baseline was asked for as. */
  readonly role: string
  /** [cell, baseline], then for the best baseline [cell, other] of every other one that it was picked from. */
  readonly columns: readonly (readonly [number, number])[]
}

/** What is compared with what; nothing with itself, and baselines not with the best of them. */
export function pairsOf(
  cells: readonly Cell[],
  set: ColumnSet,
  { baselines, bounds }: { readonly baselines: readonly string[]; readonly bounds: readonly string[] },
): Pair[] {
  const compared = cells.filter(({ selector }) => !bounds.includes(selector) && !isSwapped(selector))
  return compared.flatMap((cell) =>
    baselines.flatMap((role): Pair[] => {
      if (role === BEST_BASELINE && isBaseline(cell.selector)) return []
      const baseline = baselineCell(cells, role, cell.shots)
      if (baseline === undefined || baseline.selector === cell.selector) return []
      const rivals = role === BEST_BASELINE ? rivalsOf(cells, cell, baseline) : []
      const columns = [baseline, ...rivals].map(({ values }) => {
        const [own, , other] = set.paired(cell.values, baseline.values, values)
        return [own!, other!] as const
      })
      return [{ cell, baseline, role, columns }]
    }),
  )
}

/** The other baselines that have every question on which a cell is compared with the best one. */
function rivalsOf(cells: readonly Cell[], cell: Cell, best: Cell): Cell[] {
  const isShared = (i: number): boolean => !Number.isNaN(cell.values[i]!) && !Number.isNaN(best.values[i]!)
  return baselineCells(cells, cell.shots).filter(
    (one) => one !== best && one.values.every((value, i) => !Number.isNaN(value) || !isShared(i)),
  )
}

interface CompareContext {
  readonly columns: readonly Float64Array[]
  readonly bootstrap: Bootstrap
  readonly clusters: Clusters
  readonly seed: number
  readonly level: number
}

/** The paired differences with their intervals and tests; p adjusted over all of them. */
export function comparePairs(
  pairs: readonly Pair[],
  { columns, bootstrap, clusters, seed, level }: CompareContext,
): Comparison[] {
  const { estimates, resamples } = bootstrap
  const answered = pairs.filter(({ columns: [first] }) => !Number.isNaN(estimates[first![0]]!))
  const tested = answered.flatMap((pair) => pair.columns)
  const differences = tested.map(([a, b]) => columns[a]!.map((value, i) => value - columns[b]![i]!))
  const random = createRandom(seed, 'sign-flip')
  const p = signFlipP({ columns: differences, clusters, random, resamples })
  let next = 0
  const found = answered.map((pair) => {
    const first = next
    const rivals = pair.columns.map((one) => differenceOf(bootstrap, one, p[next++]!))
    const { standardError, n } = clusteredMean(differences[first]!, clusters, level)
    return { pair, delta: rivals[0]!.delta, standardError, n, ...againstBest(rivals, level) }
  })
  const adjusted = holm(found.map((one) => one.p))
  return found.map(({ pair: { cell, baseline, role }, delta, ci, standardError, n, ...own }, i) => ({
    selector: cell.selector,
    shots: cell.shots,
    baseline: baseline.selector,
    role,
    baselineShots: baseline.shots,
    delta,
    ci,
    p: own.p,
    pHolm: adjusted[i]!,
    mcnemar: cell.seeded || baseline.seeded ? null : mcnemar(cell.values, baseline.values),
    detectable: standardError > 1e-12 ? minimumDetectableEffect({ standardError }) : null,
    n,
  }))
}
