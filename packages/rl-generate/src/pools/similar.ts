import { nearest } from '@lever/retrieval'
import type { EmbeddingKind, EmbeddingPair, EmbeddingPairs } from '@lever/tensor-files'
import { joined, rowsOf } from '../embeddings.ts'
import type { PoolContext, PoolMethod } from './types.ts'

/** The N candidates whose question is most like the query's. */
export const textSimilar: PoolMethod = {
  needs: ['text'],
  build: (context) => similarRows(context, 'text', context.size),
}

/** The N candidates whose image is most like the query's. */
export const imageSimilar: PoolMethod = {
  needs: ['image'],
  build: (context) => similarRows(context, 'image', context.size),
}

/** The N candidates most like the query by image and question together. */
export const bothSimilar: PoolMethod = {
  needs: ['both'],
  build: (context) => similarRows(context, 'both', context.size),
}

/** The `k` allowed rows most similar by one kind of embedding, per query, most similar first. */
export async function similarRows(
  context: PoolContext,
  kind: EmbeddingKind,
  k: number,
): Promise<readonly (readonly number[])[]> {
  if (context.similar !== undefined) return context.similar(kind, k)
  const { queries, candidates } = featuresOf(context.features, kind)!
  const excluded = context.queries.map((query) => context.excluded(query))
  const found = await nearest({
    queries: queries.data,
    queryRows: rowsOf(queries, idsOf(context.queries), `${kind} query`),
    candidates: candidates.data,
    candidateRows: rowsOf(candidates, idsOf(context.candidates), `${kind} candidate`),
    dim: candidates.dim,
    k,
    excluded: (i, row) => excluded[i]!.has(row),
  })
  return found.map(({ rows }) => Array.from(rows))
}

function idsOf(examples: readonly { id: number }[]): number[] {
  return examples.map(({ id }) => id)
}

/** Embeddings of a kind; those of both are joined of the others where they were not given. */
export function featuresOf(
  { text, image, both }: EmbeddingPairs,
  kind: EmbeddingKind,
): EmbeddingPair | undefined {
  if (kind !== 'both') return kind === 'text' ? text : image
  if (both !== undefined || text === undefined || image === undefined) return both
  return {
    queries: joined(image.queries, text.queries, 'query'),
    candidates: joined(image.candidates, text.candidates, 'candidate'),
  }
}
