import type { PilotGroup } from './outcomes.ts'
import { clamped, jackknife, type Estimate } from './estimate.ts'

/** Shares of the variance of a reward: of the query, of the demonstrations whatever the query, and of the rest. */
export interface Components {
  readonly query: Estimate
  readonly demonstration: Estimate
  readonly rest: Estimate
  /** Variance within a query: of the demonstrations and the rest. */
  readonly within: Estimate
  /** Of the variance within a query, the share of the demonstrations. */
  readonly demonstrationWithin: Estimate
}

interface Sums {
  /** [n] mean, number and sum of squared deviations of each query. */
  readonly mean: Float64Array
  readonly size: Float64Array
  readonly squares: Float64Array
  /** [n * n] over the choices that two queries share: sum of products of deviations, its factor, s / (n_i n_k). */
  readonly products: Float64Array
  readonly factors: Float64Array
  readonly overlaps: Float64Array
}

/**
 * Unbiased components of y_ij = mu + q_i + d_j + e_ij for choices j that not all queries have. With deviations r from the
 * mean of the query:
 *
 *     var_d + var_e = sum r^2 / sum (n_i - 1)
 *     var_d = sum_{i != k} sum_{j in both} r_ij r_kj / sum_{i != k} s_ik (1 - 1/n_i - 1/n_k + s_ik / (n_i n_k))
 *     var_q = var of the query means - mean (var_d + var_e) / n_i + mean_{i != k} var_d s_ik / (n_i n_k)
 *
 * s_ik is the number of choices that queries i and k share. The second line is free of the query's own variance, which is
 * by far the largest. Intervals leave out one query at a time.
 */
export function components(groups: readonly PilotGroup[]): Components {
  const sums = sumsOf(groups)
  const of = (pick: (parts: Parts) => number, least = 0, most = 1): Estimate =>
    clamped(
      jackknife(groups.length, (without) => pick(partsOf(sums, without))),
      least,
      most,
    )
  const total = ({ query, demonstration, rest }: Parts): number => query + demonstration + rest
  return {
    query: of((parts) => parts.query / total(parts)),
    demonstration: of((parts) => parts.demonstration / total(parts)),
    rest: of((parts) => parts.rest / total(parts)),
    within: of(({ demonstration, rest }) => demonstration + rest, 0, Infinity),
    demonstrationWithin: of(({ demonstration, rest }) => demonstration / (demonstration + rest)),
  }
}

interface Parts {
  readonly query: number
  readonly demonstration: number
  readonly rest: number
}

function sumsOf(groups: readonly PilotGroup[]): Sums {
  const n = groups.length
  const mean = Float64Array.from(groups, ({ values }) => values.reduce((a, b) => a + b, 0) / values.length)
  const deviations = groups.map(
    ({ keys, values }, i) => new Map(keys.map((key, j) => [key, values[j]! - mean[i]!])),
  )
  const size = Float64Array.from(groups, ({ values }) => values.length)
  const squares = Float64Array.from(deviations, (row) =>
    [...row.values()].reduce((sum, value) => sum + value ** 2, 0),
  )
  const [products, factors, overlaps] = [0, 1, 2].map(() => new Float64Array(n * n)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ]
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) {
      let [shared, product] = [0, 0]
      for (const [key, value] of deviations[i]!) {
        const other = deviations[k]!.get(key)
        if (other === undefined) continue
        shared += 1
        product += value * other
      }
      const [a, b] = [size[i]!, size[k]!]
      for (const at of [i * n + k, k * n + i]) {
        products[at] = product
        factors[at] = shared * (1 - 1 / a - 1 / b + shared / (a * b))
        overlaps[at] = shared / (a * b)
      }
    }
  }
  return { mean, size, squares, products, factors, overlaps }
}

/** The components without one query; -1 for all. */
function partsOf({ mean, size, squares, products, factors, overlaps }: Sums, without: number): Parts {
  const n = mean.length
  const kept = Array.from({ length: n }, (_, i) => i).filter((i) => i !== without)
  let [product, factor, overlap] = [0, 0, 0]
  for (const i of kept) {
    for (const k of kept) {
      product += products[i * n + k]!
      factor += factors[i * n + k]!
      overlap += overlaps[i * n + k]!
    }
  }
  const sum = (of: (i: number) => number): number => kept.reduce((total, i) => total + of(i), 0)
  const within = sum((i) => squares[i]!) / sum((i) => size[i]! - 1)
  const demonstration = factor > 0 ? product / factor : 0
  const centre = sum((i) => mean[i]!) / kept.length
  const between = sum((i) => (mean[i]! - centre) ** 2) / (kept.length - 1)
  const noise = sum((i) => within / size[i]!) / kept.length
  const common = (demonstration * overlap) / (kept.length * (kept.length - 1))
  return { query: between - noise + common, demonstration, rest: within - demonstration }
}
