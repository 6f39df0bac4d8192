import type { RowFile } from './row-file.ts'
import { emptyBest, insert, innerProduct, type Best } from './top-similar.ts'

/** Which examples may be found. */
export interface SearchOptions {
  /** Example ids that may not be returned. */
  excluded?: ReadonlySet<number>
  /** Only these example ids may be returned. */
  only?: ReadonlySet<number>
}

/** The k nearest examples, most similar first; equal scores in the order of the library. */
export interface Hits {
  readonly ids: readonly number[]
  /** Inner products of float32 rows, summed in double precision. */
  readonly scores: readonly number[]
}

export interface Graph {
  /** Rows of the `count` nearest vectors, as far as the index knows. */
  search(query: Float32Array, count: number): number[]
}

/** What a search reads. */
export interface Searched {
  readonly file: RowFile
  readonly graph: Graph | undefined
  readonly rowOf: ReadonlyMap<number, number>
  /** Examples added while open. */
  readonly added: ReadonlyMap<number, Float32Array>
  /** Rows of the file that were removed or replaced. */
  readonly hidden: ReadonlySet<number>
}

/** Allowed rows up to which all are compared: about 5 ms at D = 768. */
const MAX_EXACT_ROWS = 4096
/** Rows read at a time. */
const BLOCK_ROWS = 256

/** The k nearest allowed examples: rows that the index proposes, or all where few are allowed, compared exactly. */
export function searchRows(searched: Searched, query: Float32Array, k: number, options: SearchOptions): Hits {
  const { file, added } = searched
  const isAllowed = (id: number): boolean =>
    options.excluded?.has(id) !== true && options.only?.has(id) !== false
  const newcomers = Array.from(added).filter(([id]) => isAllowed(id))
  const rows = rowsToCompare(searched, query, k, options, isAllowed)
  const best = emptyBest(Math.min(k, rows.length + newcomers.length))
  compare(best, file, query, rows)
  newcomers.forEach(([, row], i) =>
    offer(best, innerProduct(query, 0, row, 0, file.dim), file.ids.length + i),
  )
  const found = Array.from(best.rows.subarray(0, best.size))
  return {
    ids: found.map((row) => file.ids[row] ?? newcomers[row - file.ids.length]![0]),
    scores: Array.from(best.scores.subarray(0, best.size)),
  }
}

/** Allowed rows that may be among the k nearest, ascending. */
function rowsToCompare(
  { file, graph, rowOf, hidden }: Searched,
  query: Float32Array,
  k: number,
  { excluded, only }: SearchOptions,
  isAllowed: (id: number) => boolean,
): number[] {
  const total = file.ids.length
  const isRowAllowed = (row: number): boolean => !hidden.has(row) && isAllowed(file.ids[row]!)
  const listed = only === undefined ? undefined : Array.from(only, (id) => rowOf.get(id) ?? -1)
  const allowed = listed?.length ?? total - hidden.size
  if (graph === undefined || allowed - (excluded?.size ?? 0) <= MAX_EXACT_ROWS) {
    const rows = listed?.filter((row) => row >= 0) ?? Array.from(file.ids.keys())
    return rows.filter(isRowAllowed).sort((a, b) => a - b)
  }
  const wanted = overfetched(k)
  const left = (excluded?.size ?? 0) + hidden.size
  const share = Math.min(1, allowed / total)
  for (let count = Math.ceil(overfetched(k + left) / share); ; count *= 4) {
    const rows = graph.search(query, Math.min(total, count)).filter(isRowAllowed)
    if (rows.length >= wanted || count >= total) return rows.sort((a, b) => a - b)
  }
}

/** Vectors asked of the index so that the k nearest are among them although it compares rounded ones. */
function overfetched(k: number): number {
  return Math.max(2 * k, k + 64)
}

/** Puts rows of the file among the best by their exact inner products; neighbouring rows are read together. */
function compare(best: Best, file: RowFile, query: Float32Array, rows: readonly number[]): void {
  const { dim } = file
  const block = new Float32Array(Math.min(BLOCK_ROWS, Math.max(1, rows.length)) * dim)
  for (let i = 0; i < rows.length;) {
    let count = 1
    while (count < BLOCK_ROWS && rows[i + count] === rows[i]! + count) count++
    file.read(rows[i]!, count, block)
    for (let j = 0; j < count; j++) offer(best, innerProduct(query, 0, block, j, dim), rows[i + j]!)
    i += count
  }
}

function offer(best: Best, score: number, row: number): void {
  const isFull = best.size === best.scores.length
  if (best.scores.length > 0 && (!isFull || score > best.scores[best.size - 1]!)) insert(best, score, row)
}
