import type { EmbeddingPairs } from '@lever/tensor-files'
import { similarityOf } from '../similarity.ts'
import { jackknife, SQUARED, type Estimate } from './estimate.ts'
import type { PilotGroup } from './outcomes.ts'

/** Features of a choice for a query, F numbers; undefined where they are not known. */
export type PilotFeatures = (query: number, key: string) => readonly number[] | undefined

/** Similarity of the query to the demonstrations of a choice, their mean, for every kind of embedding. */
export function pilotFeatures(pairs: EmbeddingPairs): PilotFeatures {
  const similarities = Object.entries(pairs).map(([kind, pair]) => similarityOf(pair, kind))
  return (query, key) => {
    const ids = key.split(',').map(Number)
    return similarities.map((similarity) => {
      const found = Array.from(similarity(query, ids))
      return found.reduce((sum, one) => sum + one, 0) / ids.length
    })
  }
}

/** How much of the variance within a query features predict on other queries. */
export interface Predictability {
  /** 1 - SSE / SST, after each query's means were taken away. May be below 0. */
  readonly r2: Estimate
  /** [F] coefficients of the standardised features, fitted on all queries. */
  readonly slopes: readonly number[]
}

/** A small ridge, as a share of the features' variance, so that features that say the same can be fitted. */
const RIDGE = 1e-3

/**
 * Least squares of the deviations on the features' deviations; null without features. The mean of two figures: of queries
 * that were fitted on, which is too high for other queries, and of each query left out, which is too low by about as much
 * for a fit on many queries. Intervals leave out one query of all of this, on two scales, of which the wider counts: the
 * plain one is too narrow above a small value that is there, that of the root around 0.
 */
export function predictability(
  groups: readonly PilotGroup[],
  features: PilotFeatures,
): Predictability | null {
  const known = groups.flatMap(({ query, keys, values }) => {
    const rows = keys.flatMap((key, i) => {
      const found = features(query, key)
      return found === undefined ? [] : [{ x: found, y: values[i]! }]
    })
    return rows.length > 1 ? [centred(rows)] : []
  })
  const size = known[0]?.[0]?.x.length ?? 0
  if (known.length < 4 || size === 0) return null
  const scale = Array.from({ length: size }, (_, f) => {
    const squares = known.flat().reduce((sum, { x }) => sum + x[f]! ** 2, 0)
    return squares > 0 ? Math.sqrt(squares / known.flat().length) : 1
  })
  const groupsOf = known.map((rows) => rows.map(({ x, y }) => ({ x: x.map((one, f) => one / scale[f]!), y })))
  const each = groupsOf.map((rows) => fitted(rows, size))
  const all = each.reduce((sum, one) => combine(sum, one, 1))
  const figure = (without: number): number => {
    const kept = each.filter((_, i) => i !== without)
    const sum = without < 0 ? all : combine(all, each[without]!, -1)
    const slopes = solve(sum.equations)
    const squares = (of: (one: Fitted) => number): number => kept.reduce((total, one) => total + of(one), 0)
    const inside = squares((one) => errorOf(one, slopes))
    const outside = squares((one) => errorOf(one, solve(combine(sum, one, -1).equations)))
    return 1 - (inside + outside) / 2 / sum.squares
  }
  const plain = jackknife(known.length, figure)
  const root = jackknife(known.length, figure, SQUARED)
  const r2 = {
    value: plain.value,
    low: Math.min(plain.low, root.low),
    high: Math.max(plain.high, root.high),
  }
  return { r2, slopes: solve(all.equations) }
}

/** Sums over the choices of one query, or of several. */
interface Fitted {
  /** X'X and X'y, [F * F + F] */
  readonly equations: Float64Array
  /** y'y */
  readonly squares: number
}

/** |y - Xb|^2 = y'y - 2 b'X'y + b'X'Xb */
function errorOf({ equations, squares }: Fitted, slopes: readonly number[]): number {
  const size = slopes.length
  const product = slopes.map((_, f) => slopes.reduce((sum, b, g) => sum + equations[f * size + g]! * b, 0))
  return slopes.reduce((sum, b, f) => sum - 2 * b * equations[size * size + f]! + b * product[f]!, squares)
}

interface Row {
  readonly x: readonly number[]
  readonly y: number
}

function centred(rows: readonly Row[]): Row[] {
  const mean = (of: (row: Row) => number): number => rows.reduce((sum, row) => sum + of(row), 0) / rows.length
  const means = rows[0]!.x.map((_, f) => mean(({ x }) => x[f]!))
  const y = mean((row) => row.y)
  return rows.map((row) => ({ x: row.x.map((one, f) => one - means[f]!), y: row.y - y }))
}

function fitted(rows: readonly Row[], size: number): Fitted {
  const equations = new Float64Array(size * size + size)
  let squares = 0
  for (const { x, y } of rows) {
    squares += y * y
    for (let f = 0; f < size; f++) {
      for (let g = 0; g < size; g++) equations[f * size + g]! += x[f]! * x[g]!
      equations[size * size + f]! += x[f]! * y
    }
  }
  return { equations, squares }
}

function combine(a: Fitted, b: Fitted, sign: 1 | -1): Fitted {
  return {
    equations: a.equations.map((value, i) => value + sign * b.equations[i]!),
    squares: a.squares + sign * b.squares,
  }
}

/** Gauss-Jordan with pivots on X'X + ridge. */
function solve(sums: Float64Array): number[] {
  const size = Math.round((Math.sqrt(1 + 4 * sums.length) - 1) / 2)
  const rows = Array.from({ length: size }, (_, f) => [
    ...sums
      .slice(f * size, f * size + size)
      .map((value, g) => (f === g ? value * (1 + RIDGE) + 1e-12 : value)),
    sums[size * size + f]!,
  ])
  for (let f = 0; f < size; f++) {
    let pivot = f
    for (let i = f + 1; i < size; i++) if (Math.abs(rows[i]![f]!) > Math.abs(rows[pivot]![f]!)) pivot = i
    ;[rows[f], rows[pivot]] = [rows[pivot]!, rows[f]!]
    for (let i = 0; i < size; i++) {
      if (i === f) continue
      const factor = rows[i]![f]! / rows[f]![f]!
      for (let g = f; g <= size; g++) rows[i]![g]! -= factor * rows[f]![g]!
    }
  }
  return rows.map((row, f) => row[size]! / row[f]!)
}
