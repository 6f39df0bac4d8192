import { nearest } from '@lever/retrieval'
import type { EmbeddingKind } from '@lever/tensor-files'
import type { EmbeddingLookup } from './embeddings.ts'
import type { SelectionContext, Selector } from './selectors/types.ts'
import type { Example } from './types.ts'

/** Neighbours searched for every query: enough for any number of shots and for the filters of `mmices` and `mmr`. */
const SEARCHED = 256

/** A library as selectors choose from it. */
export interface LibrarySearch {
  readonly library: readonly Example[]
  /** Ids of the library that the query may not be shown: itself and other questions about its image. */
  excluded(query: Example): ReadonlySet<number>
  /** Positions of the allowed examples with the largest cosine to each query, most similar first; searched once. */
  nearest(kind: EmbeddingKind): Promise<ReadonlyMap<number, Int32Array>>
}

export interface LibrarySearchOptions {
  readonly queries: readonly Example[]
  readonly library: readonly Example[]
  readonly embeddings?: EmbeddingLookup | undefined
}

/** Prepares choosing from a library for all queries at once. */
export function librarySearch({ queries, library, embeddings }: LibrarySearchOptions): LibrarySearch {
  const excluded = exclusions(queries, library)
  const found = new Map<EmbeddingKind, Promise<ReadonlyMap<number, Int32Array>>>()
  const search = async (kind: EmbeddingKind): Promise<ReadonlyMap<number, Int32Array>> => {
    const [first] = queries
    const rows = first && embeddings?.(first, library)[kind]
    if (rows === undefined) return new Map()
    const dim = rows.query.length
    const candidates = unitRows(library.length, dim, (position) => rows.candidate(position))
    const asked = unitRows(queries.length, dim, (i) => embeddings!(queries[i]!, library)[kind]!.query)
    const ids = queries.map((query) => excluded.get(query.id)!)
    const neighbours = await nearest({
      queries: asked,
      candidates,
      dim,
      k: SEARCHED,
      excluded: (i, position) => ids[i]!.has(library[position]!.id),
    })
    return new Map(queries.map(({ id }, i) => [id, neighbours[i]!.rows]))
  }
  return {
    library,
    excluded: ({ id }) => excluded.get(id)!,
    nearest(kind) {
      const searched = found.get(kind) ?? search(kind)
      found.set(kind, searched)
      return searched
    },
  }
}

/** What was searched in the library for the embeddings that a selector reads. */
export async function neighboursOf(
  { needs }: Selector,
  search: LibrarySearch,
): Promise<(query: Example) => NonNullable<SelectionContext['nearest']>> {
  const found = new Map<EmbeddingKind, ReadonlyMap<number, Int32Array>>()
  for (const kind of needs) found.set(kind, await search.nearest(kind))
  return (query) => (kind) => found.get(kind)?.get(query.id)
}

function exclusions(
  queries: readonly Example[],
  library: readonly Example[],
): ReadonlyMap<number, ReadonlySet<number>> {
  const byImage = new Map<string, number[]>()
  for (const { id, imageId } of library) {
    if (imageId === null) continue
    const ids = byImage.get(String(imageId)) ?? []
    ids.push(id)
    byImage.set(String(imageId), ids)
  }
  return new Map(
    queries.map(({ id, imageId }) => [
      id,
      new Set([id, ...(imageId === null ? [] : (byImage.get(String(imageId)) ?? []))]),
    ]),
  )
}

/** Rows of length 1 (of zeros where a row is all zero), [rows, dim]. */
function unitRows(rows: number, dim: number, rowOf: (row: number) => Float32Array): Float32Array {
  const out = new Float32Array(rows * dim)
  for (let i = 0; i < rows; i++) {
    const row = rowOf(i)
    let square = 0
    for (const value of row) square += value * value
    const scale = square === 0 ? 0 : 1 / Math.sqrt(square)
    for (let d = 0; d < dim; d++) out[i * dim + d] = row[d]! * scale
  }
  return out
}
