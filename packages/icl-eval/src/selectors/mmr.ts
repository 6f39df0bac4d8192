import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import { arrange, cosine, eligible, rowsOf } from './candidates.ts'
import { nearest } from './similarity.ts'
import type { EmbeddingKind } from '@lever/tensor-files'
import type { Order, Selector, SelectorDefinition } from './types.ts'

/** Name, trade-off, embeddings and order of `mmr`. */
export interface MmrOptions {
  /** The name in tables and rows. Default `mmr`. */
  readonly name?: string
  /** 1 is similarity alone, 0 diversity alone. Default 0.5. */
  readonly lambda?: number
  /** How many of the most similar examples it chooses among (at least k). Default 64. */
  readonly fetch?: number
  /** Default `both`. */
  readonly kind?: EmbeddingKind
  /** Default `best-last`: the first choice stands next to the query. */
  readonly order?: Order
}

export const MMR_OPTIONS: OptionNames<MmrOptions> = {
  name: true,
  lambda: true,
  fetch: true,
  kind: true,
  order: true,
}

/**
 * Maximal marginal relevance: picks one after the other the candidate c with the largest
 * lambda cos(q, c) - (1 - lambda) max over the picked s of cos(c, s), among the `fetch` most similar examples. The first
 * pick is the most similar one.
 * Source: Carbonell and Goldstein (1998).
 */
export function mmr(options: MmrOptions = {}): Selector {
  refuseUnknownOptions(options, MMR_OPTIONS, 'icl-eval: mmr')
  const { name = 'mmr', lambda = 0.5, fetch = 64, kind = 'both', order = 'best-last' } = options
  if (!(lambda >= 0 && lambda <= 1)) {
    throw new RangeError(`icl-eval: ${name} needs lambda in 0..1, got ${lambda}`)
  }
  return {
    name,
    shots: 'many',
    seeded: false,
    nested: true,
    needs: [kind],
    select(context, k) {
      const available = eligible(context, k, name).length
      if (k === 0) return []
      const positions = nearest(context, Math.min(available, Math.max(fetch, k)), kind, name).sort(
        (a, b) => a - b,
      )
      const rows = rowsOf(context, kind, name)
      const relevance = new Map(positions.map((p) => [p, cosine(rows.query, rows.candidate(p))]))
      const redundancy = new Map<number, number>()
      const left = new Set(positions)
      const picked: number[] = []
      while (picked.length < k) {
        const gain = (p: number): number =>
          picked.length === 0
            ? relevance.get(p)!
            : lambda * relevance.get(p)! - (1 - lambda) * redundancy.get(p)!
        const best = Array.from(left).reduce((a, b) => (gain(b) > gain(a) ? b : a))
        left.delete(best)
        picked.push(best)
        for (const p of left) {
          const closeness = cosine(rows.candidate(p), rows.candidate(best))
          redundancy.set(p, Math.max(redundancy.get(p) ?? -Infinity, closeness))
        }
      }
      return arrange(picked, context.pool, order)
    },
  }
}

export const definition: SelectorDefinition<'lambda' | 'order'> = {
  order: 110,
  summary: 'similar to the query, different from one another',
  takes: ['lambda', 'order'],
  requires: [],
  scope: 'library',
  baseline: true,
  create: mmr,
}
