import { topSimilar, type Library } from '@lever/retrieval'

/** Rows of the library by one kind of embedding. A row keeps its number for as long as the bundle is open. */
export interface KindRows {
  /** D of the kind */
  readonly dim: number
  /**
   * The k allowed rows of every query with the largest inner product, most similar first, equal ones by row.
   * @param queries [n, D]
   * @param excluded rows that may not be returned, for every query
   */
  search(queries: Float32Array, k: number, excluded: readonly ReadonlySet<number>[]): Neighbours[]
  /** [D] */
  row(row: number): Float32Array
  /** Appends a row, [D], which gets the next number. */
  add(values: Float32Array): void
  /** Leaves a row out of all searches. */
  remove(row: number): void
  close(): void
}

interface Neighbours {
  readonly rows: readonly number[]
  readonly scores: readonly number[]
}

/** Share by which a matrix grows when it is full. */
const GROWTH = 0.25
const LEAST_GROWTH = 256

/** Compares every row, in memory: the result of `buildPools` and `evaluate`, to the last bit. */
export function exactRows(data: Float32Array, dim: number): KindRows {
  let matrix = data
  let size = data.length / dim
  const removed = new Set<number>()
  return {
    dim,
    search(queries, k, excluded) {
      const found = topSimilar({
        queries,
        candidates: matrix.subarray(0, size * dim),
        dim,
        k,
        excluded: (i, row) => removed.has(row) || excluded[i]!.has(row),
      })
      return found.map(({ rows, scores }) => ({ rows: Array.from(rows), scores: Array.from(scores) }))
    },
    row: (row) => matrix.subarray(row * dim, (row + 1) * dim),
    add(values) {
      if ((size + 1) * dim > matrix.length) {
        const grown = new Float32Array((size + Math.max(LEAST_GROWTH, Math.ceil(size * GROWTH))) * dim)
        grown.set(matrix)
        matrix = grown
      }
      matrix.set(values, size * dim)
      size += 1
    },
    remove(row) {
      removed.add(row)
    },
    close: () => undefined,
  }
}

/** Searches an index whose rows stay on disk; `idOf` names the rows as the files do. */
export function indexedRows(library: Library, idOf: readonly number[]): KindRows {
  const { dim } = library
  const ids = [...idOf]
  const rowOf = new Map(ids.map((id, row) => [id, row]))
  let next = ids.reduce((most, id) => Math.max(most, id), 0) + 1
  return {
    dim,
    search(queries, k, excluded) {
      return excluded.map((rows, i) => {
        const query = queries.subarray(i * dim, (i + 1) * dim)
        const found = library.search(query, k, { excluded: new Set(Array.from(rows, (row) => ids[row]!)) })
        return { rows: found.ids.map((id) => rowOf.get(id)!), scores: found.scores }
      })
    },
    row: (row) => library.row(ids[row]!)!,
    add(values) {
      rowOf.set(next, ids.length)
      ids.push(next)
      library.add(next, values)
      next += 1
    },
    remove(row) {
      library.remove(ids[row]!)
    },
    close: () => library.close(),
  }
}

/** The rows scaled to length 1 (zeros stay), as baselines compare them. */
export function unitRows(data: Float32Array, dim: number): Float32Array {
  const out = new Float32Array(data.length)
  for (let start = 0; start < data.length; start += dim) {
    let square = 0
    for (let i = start; i < start + dim; i++) square += data[i]! * data[i]!
    const scale = square === 0 ? 0 : 1 / Math.sqrt(square)
    for (let i = start; i < start + dim; i++) out[i] = data[i]! * scale
  }
  return out
}
