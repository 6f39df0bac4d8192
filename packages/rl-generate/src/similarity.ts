import { InputError } from '@lever/durable-files'
import { innerProduct } from '@lever/retrieval'
import type { EmbeddingPair } from '@lever/tensor-files'
import { checkedRows } from './embeddings.ts'
import type { Similarity } from './proposals/types.ts'

/**
 * Inner products of a query with the examples of its pool, [N].
 *
 * @throws InputError (when called) for an id without embeddings
 */
export function similarityOf({ queries, candidates }: EmbeddingPair, name = 'given'): Similarity {
  if (queries.dim !== candidates.dim) {
    throw new InputError(
      `rl-generate: the ${name} embeddings have D=${queries.dim} for queries and D=${candidates.dim} for candidates; embed both with one model`,
    )
  }
  const queryRow = checkedRows(queries, `${name} query`)
  const candidateRow = checkedRows(candidates, `${name} candidate`)
  return (queryId, poolIds) => {
    const row = queryRow(queryId)
    return Float64Array.from(poolIds, (id) =>
      innerProduct(queries.data, row, candidates.data, candidateRow(id), queries.dim),
    )
  }
}
