import { rowFinder } from '@lever/tensor-files'
import type { EmbeddingKind, EmbeddingMatrix, EmbeddingPairs } from '@lever/tensor-files'
import type { EmbeddingRows } from './selectors/types.ts'
import type { Example } from './types.ts'

/** The embedding rows of a query and of the examples of its pool, by kind. */
export type EmbeddingLookup = (
  query: Example,
  pool: readonly Example[],
) => Readonly<Partial<Record<EmbeddingKind, EmbeddingRows>>>

/**
 * Finds embedding rows by id.
 * @throws InputError if a matrix is not [M, D] or ids repeat; from the function itself, if a row is used that is not there
 */
export function lookUpEmbeddings(tables: EmbeddingPairs): EmbeddingLookup {
  const finders = Object.entries(tables).map(([kind, { queries, candidates }]) => {
    const query = rowsOf(queries, `${kind} query`)
    const candidate = candidates === queries ? query : rowsOf(candidates, `${kind} candidate`)
    return { kind, query, candidate }
  })
  return (query, pool) =>
    Object.fromEntries(
      finders.map((find) => [
        find.kind,
        {
          get query(): Float32Array {
            return find.query(query.id)
          },
          candidate: (position: number): Float32Array => find.candidate(pool[position]!.id),
        },
      ]),
    )
}

function rowsOf(embeddings: EmbeddingMatrix, name: string): (id: number) => Float32Array {
  const { data, dim } = embeddings
  const rowOf = rowFinder(embeddings, name)
  return (id) => {
    const row = rowOf(id)
    return data.subarray(row * dim, (row + 1) * dim)
  }
}
