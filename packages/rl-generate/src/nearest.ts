import { availableParallelism } from 'node:os'
import type { Runner, Value } from '@lever/onnx-grad'
import { emptyBest, innerProduct, insert, neighbours, topSimilar, type Best } from './top-similar.ts'
import type { Neighbours, TopSimilarOptions } from './top-similar.ts'

export interface NearestOptions extends Omit<TopSimilarOptions, 'block'> {
  /** The candidates are these rows of `candidates`, and results are positions in this list; default all. */
  candidateRows?: ArrayLike<number>
  /** Threads of the products; default all processors. */
  threads?: number
}

/** Multiplications from which ONNX Runtime is worth its start. */
const LARGE = 2 ** 30

/** Candidates and queries of one product; its scores stay below 16 MiB. */
const BLOCK = 4096
const TILE = 1024

/**
 * Exact k most similar candidates by inner product: the result of `topSimilar`, to the last bit,
 * for matrices of any size. Large ones are multiplied block by block in ONNX Runtime, in single
 * precision. Such a product is within (D + 2) 2^-23 |q| |c| of the one in double precision, so
 * only candidates that far below the k-th best, or above it, are multiplied again exactly.
 */
export async function nearest({
  candidateRows,
  threads = availableParallelism(),
  ...options
}: NearestOptions): Promise<Neighbours[]> {
  const { queries, candidates, dim, queryRows } = options
  const total = candidateRows?.length ?? candidates.length / dim
  const asked = queryRows?.length ?? queries.length / dim
  if (asked * total * dim >= LARGE) return nearestByBlocks({ ...options, candidateRows, threads })
  return topSimilar({ ...options, candidates: slice(candidates, candidateRows, 0, total, dim) })
}

/** {@link nearest} of large matrices, for sizes of any kind. */
export async function nearestByBlocks({
  queries,
  candidates,
  dim,
  queryRows = Array.from({ length: queries.length / dim }, (_, row) => row),
  candidateRows,
  k,
  excluded = () => false,
  threads = availableParallelism(),
  block = BLOCK,
  tile = TILE,
}: TopSimilarOptions & {
  candidateRows?: ArrayLike<number> | undefined
  threads?: number
  /** Queries per product; the result does not depend on it. */
  tile?: number
}): Promise<Neighbours[]> {
  const total = candidateRows?.length ?? candidates.length / dim
  const best = Array.from({ length: queryRows.length }, () => emptyBest(Math.min(k, total)))
  if (total === 0 || k < 1 || best.length === 0) return best.map(neighbours)
  const asked = gather(queries, queryRows, dim)
  const lengths = lengthsOf(asked, dim)
  const product = await openProduct(dim, threads)
  try {
    const hits = new Int32Array(block)
    for (let start = 0; start < total; start += block) {
      const rows = slice(candidates, candidateRows, start, Math.min(total, start + block), dim)
      const longest = lengthsOf(rows, dim).reduce((a, b) => Math.max(a, b), 0)
      for (let first = 0; first < best.length; first += tile) {
        const part = asked.subarray(first * dim, Math.min(best.length, first + tile) * dim)
        const scores = await product.of(part, rows)
        const width = rows.length / dim
        for (let i = 0; i < part.length / dim; i++) {
          const query = first + i
          update(best[query]!, {
            scores: scores.subarray(i * width, (i + 1) * width),
            error: errorOf(dim, lengths[query]! * longest),
            hits,
            start,
            allowed: (row) => !excluded(query, start + row),
            exactly: (row) => innerProduct(asked, query, rows, row, dim),
          })
        }
      }
    }
  } finally {
    await product.close()
  }
  return best.map(neighbours)
}

interface ScoredBlock {
  /** Single precision products of one query with the rows of a block. */
  readonly scores: Float32Array
  /** How far each is at most from the exact one. */
  readonly error: number
  /** Scratch, one place per row. */
  readonly hits: Int32Array
  /** Candidate of the block's first row. */
  readonly start: number
  readonly allowed: (row: number) => boolean
  readonly exactly: (row: number) => number
}

function update(best: Best, { scores, error, hits, start, allowed, exactly }: ScoredBlock): void {
  const k = best.scores.length
  let floor = (best.size < k ? -Infinity : best.scores[k - 1]!) - error
  let count = collect(hits, scores, floor)
  if (count > 2 * k && error < Infinity) {
    floor = Math.max(floor, rankedScore(scores, hits, count, k, allowed) - 2 * error)
    count = keep(hits, scores, count, floor)
  }
  for (let i = 0; i < count; i++) {
    const row = hits[i]!
    const full = best.size === k
    if (full && scores[row]! < best.scores[k - 1]! - error) continue
    if (!allowed(row)) continue
    const score = exactly(row)
    if (!full || score > best.scores[k - 1]!) insert(best, score, start + row)
  }
}

/** Rows whose score is not below `floor`, in order, into `hits`. Returns how many. */
function collect(hits: Int32Array, scores: Float32Array, floor: number): number {
  let count = 0
  for (let row = 0; row < scores.length; row++) if (!(scores[row]! < floor)) hits[count++] = row
  return count
}

function keep(hits: Int32Array, scores: Float32Array, count: number, floor: number): number {
  let kept = 0
  for (let i = 0; i < count; i++) if (!(scores[hits[i]!]! < floor)) hits[kept++] = hits[i]!
  return kept
}

/** The k-th largest score of the allowed rows among the first `count` hits; -Infinity of fewer. */
function rankedScore(
  scores: Float32Array,
  hits: Int32Array,
  count: number,
  k: number,
  allowed: (row: number) => boolean,
): number {
  const found = new Float32Array(count)
  let size = 0
  for (let i = 0; i < count; i++) if (allowed(hits[i]!)) found[size++] = scores[hits[i]!]!
  return size < k ? -Infinity : found.subarray(0, size).sort()[size - k]!
}

/** Bound of |single - double| for D products, whatever their order; Infinity where a sum may overflow. */
function errorOf(dim: number, lengths: number): number {
  return lengths < 1e37 ? (dim + 2) * (2 ** -23 * lengths + 2 ** -125) : Infinity
}

function lengthsOf(rows: Float32Array, dim: number): Float64Array {
  const lengths = new Float64Array(rows.length / dim)
  for (let row = 0; row < lengths.length; row++) {
    lengths[row] = Math.sqrt(innerProduct(rows, row, rows, row, dim))
  }
  return lengths
}

function slice(
  data: Float32Array,
  rows: ArrayLike<number> | undefined,
  start: number,
  end: number,
  dim: number,
): Float32Array {
  if (rows === undefined) return data.subarray(start * dim, end * dim)
  const first = rows[start] ?? 0
  let inOrder = true
  for (let i = start; inOrder && i < end; i++) inOrder = rows[i] === first + i - start
  if (inOrder) return data.subarray(first * dim, (first + end - start) * dim)
  return gather(
    data,
    Int32Array.from({ length: end - start }, (_, i) => rows[start + i]!),
    dim,
  )
}

function gather(data: Float32Array, rows: ArrayLike<number>, dim: number): Float32Array {
  const out = new Float32Array(rows.length * dim)
  for (let i = 0; i < rows.length; i++) {
    out.set(data.subarray(rows[i]! * dim, (rows[i]! + 1) * dim), i * dim)
  }
  return out
}

interface Product {
  /** a [m, D] times the transpose of b [n, D]: [m, n]. */
  of(a: Float32Array, b: Float32Array): Promise<Float32Array>
  close(): Promise<void>
}

async function openProduct(dim: number, threads: number): Promise<Product> {
  const { encodeModel, input, loadModel, operator } = await import('@lever/onnx-grad')
  const [a, b] = [input('a', ['m', dim]), input('b', ['n', dim])]
  const product = operator('Gemm', [a, b], { shape: ['m', 'n'] }, { transB: 1 })
  const runner: Runner = await loadModel(encodeModel({ inputs: [a, b], outputs: { product } }), { threads })
  const matrix = (data: Float32Array): Value => ({
    dtype: 'float32',
    dims: [data.length / dim, dim],
    data,
  })
  return {
    of: async (m, n) => (await runner.run({ a: matrix(m), b: matrix(n) }))['product']!.data as Float32Array,
    close: () => runner.close(),
  }
}
