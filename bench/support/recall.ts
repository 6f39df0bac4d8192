import { nearest } from '@lever/retrieval'
import type { EmbeddingPair } from '@lever/tensor-files'

export const SIZES = [16, 64, 256] as const

/** The share of the good demonstrations that stand among the N nearest, mean over the queries that have any, per cent. */
export interface Recall {
  /** By N. */
  readonly recall: Readonly<Record<number, number>>
  /** Queries with a good demonstration, and how many they have on average. */
  readonly n: number
  readonly good_each: number
}

/** `good[i][c]` says whether candidate c is good for query i, for the first queries of the pair. */
export async function recallAt(
  { queries, candidates }: EmbeddingPair,
  good: readonly (readonly boolean[])[],
): Promise<Recall> {
  const { dim } = queries
  const k = Math.min(candidates.ids.length, Math.max(...SIZES))
  const asked = queries.data.subarray(0, good.length * dim)
  const found = await nearest({ queries: asked, candidates: candidates.data, dim, k, threads: 1 })
  const able = good.flatMap((row, i) => {
    const all = row.filter(Boolean).length
    return all === 0 ? [] : [{ row, all, rows: Array.from(found[i]!.rows) }]
  })
  const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length
  const recall = SIZES.map((size) => {
    const shares = able.map(
      ({ row, all, rows }) => rows.slice(0, size).filter((one) => row[one]).length / all,
    )
    return [size, 100 * mean(shares)] as const
  })
  return { recall: Object.fromEntries(recall), n: able.length, good_each: mean(able.map(({ all }) => all)) }
}
