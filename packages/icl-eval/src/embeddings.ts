import type { EmbeddingKind, EmbeddingRows } from './selectors/types.ts'
import type { Example } from './types.ts'

/** Embeddings of one data set: M rows of `dim` numbers, row i belongs to the example with id `ids[i]`. */
export interface EmbeddingTable {
  readonly ids: ArrayLike<number | bigint>
  /** [M, dim], row-major. */
  readonly data: Float32Array
  readonly dim: number
}

/** The tables of one kind: of the queries and of the candidates (the same one when both are one split). */
export interface EmbeddingTables {
  readonly queries: EmbeddingTable
  readonly candidates: EmbeddingTable
}

export type EmbeddingLookup = (
  query: Example,
  pool: readonly Example[],
) => Readonly<Partial<Record<EmbeddingKind, EmbeddingRows>>>

/**
 * Finds embedding rows by id. Throws RangeError on a table whose sizes do not fit, and, when a row is used, on an id
 * that the table lacks.
 */
export function lookUpEmbeddings(
  tables: Readonly<Partial<Record<EmbeddingKind, EmbeddingTables>>>,
): EmbeddingLookup {
  const finders = Object.entries(tables).map(([kind, { queries, candidates }]) => {
    const query = rowFinder(queries, kind, 'queries')
    const candidate = candidates === queries ? query : rowFinder(candidates, kind, 'candidates')
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

function rowFinder(
  { ids, data, dim }: EmbeddingTable,
  kind: string,
  side: string,
): (id: number) => Float32Array {
  if (data.length !== ids.length * dim) {
    throw new RangeError(
      `icl-eval: ${kind} embeddings of the ${side} hold ${data.length} numbers, not ${ids.length} rows of ${dim}`,
    )
  }
  const rows = new Map(Array.from(ids, (id, row) => [Number(id), row]))
  return (id) => {
    const row = rows.get(id)
    if (row === undefined) {
      throw new RangeError(
        `icl-eval: example ${id} has no row in the ${kind} embeddings of the ${side}; embed the same data set`,
      )
    }
    return data.subarray(row * dim, (row + 1) * dim)
  }
}
