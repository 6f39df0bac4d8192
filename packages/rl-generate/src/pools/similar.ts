import { rowsOf } from '../embeddings.ts'
import { topSimilar } from '../top-similar.ts'
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

/** The `k` allowed rows most similar by one kind of embedding, per query, most similar first. */
export function similarRows(context: PoolContext, kind: 'text' | 'image', k: number): number[][] {
  const { queries, candidates } = context.features[kind]!
  const queryRows = rowsOf(queries, idsOf(context.queries), `${kind} query`)
  const candidateRows = rowsOf(candidates, idsOf(context.candidates), `${kind} candidate`)
  const excluded = context.queries.map((query) => context.excluded(query))
  return topSimilar({
    queries: queries.data,
    queryRows,
    candidates: gather(candidates.data, candidateRows, candidates.dim),
    dim: candidates.dim,
    k,
    excluded: (i, row) => excluded[i]!.has(row),
  }).map(({ rows }) => Array.from(rows))
}

function idsOf(examples: readonly { id: number }[]): number[] {
  return examples.map(({ id }) => id)
}

function gather(data: Float32Array, rows: Int32Array, dim: number): Float32Array {
  if (rows.every((row, i) => row === i) && data.length === rows.length * dim) return data
  const out = new Float32Array(rows.length * dim)
  rows.forEach((row, i) => out.set(data.subarray(row * dim, (row + 1) * dim), i * dim))
  return out
}
