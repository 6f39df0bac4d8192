import { arrange, bestFirst, cosine, eligible, rowsOf } from './candidates.ts'
import { kMeans } from './k-means-clusters.ts'
import type { EmbeddingKind, Order, Selector, SelectorDefinition } from './types.ts'

export interface KMeansOptions {
  readonly name?: string
  /** Default `both`. */
  readonly kind?: EmbeddingKind
  readonly order?: Order
}

/**
 * Diversity: the pool is clustered into k groups by k-means on normalised embeddings and each group gives the example
 * nearest to its centre (Zhang et al. 2023, "Automatic Chain of Thought Prompting"). The representatives are ordered
 * by similarity to the query. Where duplicates leave fewer than k groups, the most similar of the rest fill up.
 * Seeded (k-means++), not nested.
 */
export function kMeansDiversity({
  name = 'k-means',
  kind = 'both',
  order = 'best-last',
}: KMeansOptions = {}): Selector {
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
      const byQuery = bestFirst(positions, (position) => cosine(rows.query, rows.candidate(position)))
      const rest = byQuery.filter((position) => !chosen.includes(position))
      const members = new Set([...chosen, ...rest.slice(0, k - chosen.length)])
      return arrange(
        byQuery.filter((position) => members.has(position)),
        context.pool,
        order,
      )
    },
  }
}

export const definition: SelectorDefinition = {
  order: 120,
  summary: 'one example of each of k groups',
  requires: [],
  create: kMeansDiversity,
}
