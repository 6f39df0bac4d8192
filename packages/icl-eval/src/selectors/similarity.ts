import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import { arrange, best, cosine, eligible, rowsOf } from './candidates.ts'
import type { EmbeddingKind } from '@lever/tensor-files'
import type { Order, SelectionContext, Selector } from './types.ts'

/** Name, embeddings and order of a nearest-neighbour selector. */
export interface SimilarityOptions {
  /** Which embeddings are compared. */
  readonly kind: EmbeddingKind
  /** Default `similarity-<kind>`. */
  readonly name?: string
  /** Default `best-last`: the most similar example stands next to the query. */
  readonly order?: Order
}

export const SIMILARITY_OPTIONS: OptionNames<SimilarityOptions> = { kind: true, name: true, order: true }

/**
 * The k examples with the largest cosine to the query (RICES: Yang et al. 2022, "An Empirical Study of GPT-3 for
 * Few-Shot Knowledge-Based VQA"; Alayrac et al. 2022, Flamingo, which also puts the most similar last).
 */
export function similarity(options: SimilarityOptions): Selector {
  refuseUnknownOptions(options, SIMILARITY_OPTIONS, 'icl-eval: similarity')
  const { kind, name = `similarity-${kind}`, order = 'best-last' } = options
  return {
    name,
    shots: 'many',
    seeded: false,
    nested: true,
    needs: [kind],
    select(context, k) {
      return arrange(nearest(context, k, kind, name), context.pool, order)
    },
  }
}

/** Positions of the k examples most similar to the query, best first. */
export function nearest(
  context: SelectionContext,
  k: number,
  kind: EmbeddingKind,
  selector: string,
): number[] {
  const searched = context.nearest?.(kind)
  if (searched !== undefined && searched.length >= k) return Array.from(searched).slice(0, k)
  const positions = eligible(context, k, selector)
  if (k === 0) return []
  const rows = rowsOf(context, kind, selector)
  return best(positions, (position) => cosine(rows.query, rows.candidate(position)), k)
}
