import { nearest } from '@lever/retrieval'
import type { EmbeddingPair } from '@lever/tensor-files'
import { joined, rowsOf } from '../embeddings.ts'
import type { PoolContext, PoolFeatures, PoolMethod, PoolSearch } from './types.ts'

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

/** The `k` allowed rows most similar by one kind of vectors, per query, most similar first. */
export async function similarRows(
  context: PoolContext,
  by: PoolSearch,
  k: number,
): Promise<readonly (readonly number[])[]> {
  if (context.similar !== undefined) return context.similar(by, k)
  const { queries, candidates } = featuresOf(context.features, by)!
  const excluded = context.queries.map((query) => context.excluded(query))
  const found = await nearest({
    queries: queries.data,
    queryRows: rowsOf(queries, idsOf(context.queries), `${by} query`),
    candidates: candidates.data,
    candidateRows: rowsOf(candidates, idsOf(context.candidates), `${by} candidate`),
    dim: candidates.dim,
    k,
    excluded: (i, row) => excluded[i]!.has(row),
  })
  return found.map(({ rows }) => Array.from(rows))
}

function idsOf(examples: readonly { id: number }[]): number[] {
  return examples.map(({ id }) => id)
}

/** Vectors of a kind; those of both are joined of the others where they were not given. */
export function featuresOf(features: PoolFeatures, by: PoolSearch): EmbeddingPair | undefined {
  const { text, image, both } = features
  if (by !== 'both') return features[by]
  if (both !== undefined || text === undefined || image === undefined) return both
  return {
    queries: joined(image.queries, text.queries, 'query'),
    candidates: joined(image.candidates, text.candidates, 'candidate'),
  }
}
