import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import { arrange, best, bestFirst, cosine, eligible, rowsOf } from './candidates.ts'
import { kMeans, kMeansGroups } from './k-means-clusters.ts'
import type { EmbeddingKind } from '@lever/tensor-files'
import type { Order, SelectionContext, Selector, SelectorDefinition } from './types.ts'

/** Name, embeddings and order of `k-means`. */
export interface KMeansOptions {
  /** The name in tables and rows. Default `k-means`. */
  readonly name?: string
  /** Default `both`. */
  readonly kind?: EmbeddingKind
  /** Default `best-last`: the most similar of the chosen stands next to the query. */
  readonly order?: Order
}

export const KMEANS_OPTIONS: OptionNames<KMeansOptions> = { name: true, kind: true, order: true }

/**
 * Diversity: the pool is clustered into k groups by k-means on normalised embeddings and each group gives the example
 * nearest to its centre (Zhang et al. 2023, "Automatic Chain of Thought Prompting"). The representatives are ordered
 * by similarity to the query. Where duplicates leave fewer than k groups, the most similar of the rest fill up.
 * Seeded (k-means++), not nested. A library is clustered once for all queries of a seed, and a representative that a
 * query may not be shown is replaced by the next of its group.
 */
export function kMeansDiversity(options: KMeansOptions = {}): Selector {
  refuseUnknownOptions(options, KMEANS_OPTIONS, 'icl-eval: kMeansDiversity')
  const { name = 'k-means', kind = 'both', order = 'best-last' } = options
  return {
    name,
    shots: 'many',
    seeded: true,
    nested: false,
    needs: [kind],
    select(context, k) {
      const positions = eligible(context, k, name)
      if (k === 0) return []
      const rows = rowsOf(context, kind, name)
      const points = positions.map((position) => rows.candidate(position))
      const chosen = kMeans(points, k, context.random).map((point) => positions[point]!)
      return arrange(filledUp(context, positions, chosen, k), context.pool, order)
    },
    async selectMany(contexts, k) {
      const groups = new Map<SelectionContext['pool'], number[][]>()
      const chosen = contexts.map(async (context) => {
        if (k === 0 || context.shared === undefined) return this.select(context, k)
        const positions = eligible(context, k, name)
        const rows = rowsOf(context, kind, name)
        const known = groups.get(context.pool)
        const found =
          known ??
          kMeansGroups(
            context.pool.map((_, position) => rows.candidate(position)),
            k,
            context.shared(),
          )
        groups.set(context.pool, found)
        const allowed = new Set(positions)
        const heads = found.flatMap((members) => members.find((position) => allowed.has(position)) ?? [])
        return arrange(filledUp(context, positions, heads, k), context.pool, order)
      })
      return Promise.all(chosen)
    },
  }

  /** The representatives and, where groups are missing, the most similar others; most similar first. */
  function filledUp(
    context: SelectionContext,
    positions: readonly number[],
    chosen: readonly number[],
    k: number,
  ): number[] {
    const rows = rowsOf(context, kind, name)
    const similarity = (position: number): number => cosine(rows.query, rows.candidate(position))
    const rest = chosen.length < k ? positions.filter((position) => !chosen.includes(position)) : []
    const members = [...chosen, ...best(rest, similarity, k - chosen.length)]
    return bestFirst(members, similarity)
  }
}

export const definition: SelectorDefinition<'order'> = {
  order: 120,
  summary: 'one example of each of k groups',
  takes: ['order'],
  requires: [],
  scope: 'library',
  baseline: true,
  create: kMeansDiversity,
}
