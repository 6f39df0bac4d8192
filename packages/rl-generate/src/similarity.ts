import { InputError } from '@lever/durable-files'
import { innerProduct } from '@lever/retrieval'
import { indexOf } from './embeddings.ts'
import type { Similarity } from './proposals/types.ts'
import type { FeaturePair } from './types.ts'

/**
 * Inner products of a query with the examples of its pool, [N].
 *
 * @throws InputError (when called) for an id without embeddings
 */
export function similarityOf({ queries, candidates }: FeaturePair, name = 'given'): Similarity {
  if (queries.dim !== candidates.dim) {
    throw new InputError(
      `rl-generate: the ${name} embeddings have D=${queries.dim} for queries and D=${candidates.dim} for candidates; embed both with one model`,
    )
  }
  const queryRows = indexOf(queries, `${name} query`)
  const candidateRows = indexOf(candidates, `${name} candidate`)
  const rowOf = (rows: ReadonlyMap<number, number>, id: number): number => {
    const row = rows.get(id)
    if (row !== undefined) return row
    throw new InputError(
      `rl-generate: the ${name} embeddings have no row for example ${id}; embed the whole dataset (lever embed)`,
    )
  }
  return (queryId, poolIds) => {
    const queryRow = rowOf(queryRows, queryId)
    return Float64Array.from(poolIds, (id) =>
      innerProduct(queries.data, queryRow, candidates.data, rowOf(candidateRows, id), queries.dim),
    )
  }
}
