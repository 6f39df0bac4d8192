import { createRandom } from '@lever/reward-utils'
import { POOL_METHODS, type PoolContext, type PoolMethodName, type PoolSearch } from '@lever/rl-generate'
import type { Example } from '@lever/vqa-dataset'
import type { BundledPool } from '../bundle/manifest.ts'
import type { Collection } from './collection.ts'
import type { KindRows } from './rows.ts'

/** A question whose candidates are drawn. */
export interface PoolQuery {
  readonly query: Example
  readonly rows: Readonly<Partial<Record<PoolSearch, Float32Array>>>
  /** Rows of the library that it may not be shown. */
  readonly excluded: ReadonlySet<number>
}

/**
 * Rows of the pool of every question, in the order of their ids: what `buildPools` draws for the same questions, with
 * the searches of an open library. Where fewer than N examples are allowed, all of them are the pool.
 */
export async function drawPools(
  asked: readonly PoolQuery[],
  collection: Collection,
  { method, size, seed }: BundledPool,
  kindRows: (by: PoolSearch) => KindRows,
): Promise<number[][]> {
  const excluded = new Map(asked.map(({ query, excluded: rows }) => [query, rows]))
  const context: PoolContext = {
    queries: asked.map(({ query }) => query),
    get candidates() {
      return collection.examples()
    },
    rows: collection.rows(),
    size,
    features: {},
    file: undefined,
    random: (query) => createRandom(seed, 'pool', query.id),
    excluded: (query) => excluded.get(query)!,
    similar(by, k) {
      const found = kindRows(by).search(
        stacked(asked.map(({ rows }) => rows[by]!)),
        k,
        asked.map(({ excluded: rows }) => rows),
      )
      return found.map(({ rows }) => rows)
    },
  }
  const pools = await POOL_METHODS[method as PoolMethodName].build(context)
  const idOf = (row: number): number => collection.example(row).id
  return pools.map((rows) => [...rows].sort((a, b) => idOf(a) - idOf(b)))
}

/** Rows one after the other, [n, D]. */
export function stacked(rows: readonly Float32Array[]): Float32Array {
  const dim = rows[0]?.length ?? 0
  const out = new Float32Array(rows.length * dim)
  rows.forEach((row, i) => out.set(row, i * dim))
  return out
}
