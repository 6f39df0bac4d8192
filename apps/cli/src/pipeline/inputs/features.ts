import type { EmbeddingFacts } from '@lever/rl-generate'
import type { EmbeddingRows, EmbeddingSet } from './embeddings.ts'
import { kindsOf } from './embeddings.ts'

/** Embeddings of the queries and of the candidates, all kinds that they have. */
export interface Features {
  readonly queries: EmbeddingSet
  readonly candidates: EmbeddingSet
}

/** The kinds that both sides have, as `rl-generate` takes them. */
export function pairsOf(
  features: Features | undefined,
): Record<string, { queries: EmbeddingRows; candidates: EmbeddingRows }> {
  if (features === undefined) return {}
  const [queries, candidates] = [kindsOf(features.queries), kindsOf(features.candidates)]
  const kinds = (['image', 'text', 'both'] as const).filter((kind) => queries[kind] && candidates[kind])
  return Object.fromEntries(
    kinds.map((kind) => [kind, { queries: queries[kind]!, candidates: candidates[kind]! }]),
  )
}

/** What the embeddings of the candidates are, for the data that is made with them. */
export function factsOf(features: Features | undefined): EmbeddingFacts | undefined {
  if (features === undefined) return undefined
  const { model, kind, ids, dim } = features.candidates
  return { model, kind, rows: ids.length, dim }
}
