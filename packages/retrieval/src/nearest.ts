import { availableParallelism } from 'node:os'
import type { Runner, Value } from '@lever/onnx-grad'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import { errorOf, GROUP, updateBest } from './scored-block.ts'
import { emptyBest, fourProducts, innerProduct, neighbours, topSimilar } from './top-similar.ts'
import type { Neighbours, TopSimilarOptions } from './top-similar.ts'

/** What is searched, for which queries, and with what excluded. */
export interface NearestOptions extends Omit<TopSimilarOptions, 'block'> {
  /** The candidates are these rows of `candidates`, and results are positions in this list; default all. */
  candidateRows?: ArrayLike<number>
  /** Threads of the products; default all processors. */
  threads?: number
}

export const NEAREST_OPTIONS: OptionNames<NearestOptions> = {
  candidateRows: true,
  threads: true,
  queries: true,
  candidates: true,
  dim: true,
  queryRows: true,
  k: true,
  excluded: true,
}

/** Multiplications from which ONNX Runtime is worth its start. */
const LARGE = 2 ** 30

/** Candidates and queries of one product; its scores stay below 16 MiB. */
const BLOCK = 4096
const TILE = 1024

/** Candidates before which no score is known to be too low: few, because all of them are ranked. */
const FIRST_BLOCK = 512

/**
 * Exact k most similar candidates by inner product: the result of `topSimilar`, to the last bit,
 * for matrices of any size. Large ones are multiplied block by block in ONNX Runtime, in single
 * precision. Such a product is within (D + 2) 2^-23 |q| |c| of the one in double precision, so
 * only candidates that far below the k-th best, or above it, are multiplied again exactly.
 */
export async function nearest(given: NearestOptions): Promise<Neighbours[]> {
  refuseUnknownOptions(given, NEAREST_OPTIONS, 'retrieval: nearest')
  const { candidateRows, threads = availableParallelism(), ...options } = given
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
    for (let start = 0, end = 0; start < total; start = end) {
      end = Math.min(total, start + (start === 0 ? Math.min(block, FIRST_BLOCK) : block))
      const rows = slice(candidates, candidateRows, start, end, dim)
      const longest = lengthsOf(rows, dim).reduce((a, b) => Math.max(a, b), 0)
      for (let first = 0; first < best.length; first += tile) {
        const part = asked.subarray(first * dim, Math.min(best.length, first + tile) * dim)
        const { scores, peaks } = await product.of(part, rows)
        const width = end - start
        const groups = width / GROUP
        for (let i = 0; i < part.length / dim; i++) {
          const query = first + i
          updateBest(best[query]!, {
            scores: scores.subarray(i * width, (i + 1) * width),
            peaks: peaks?.subarray(i * groups, (i + 1) * groups),
            error: errorOf(dim, lengths[query]! * longest),
            hits,
            start,
            allowed: (row) => !excluded(query, start + row),
            exactly: (out, offsets) => fourProducts(out, rows, offsets, asked, query * dim, dim),
            dim,
          })
        }
      }
    }
  } finally {
    await product.close()
  }
  return best.map(neighbours)
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
  /** Scores [m, n] of a [m, D] and b [n, D], and where n is a multiple of the group the largest of every group. */
  of(a: Float32Array, b: Float32Array): Promise<{ scores: Float32Array; peaks: Float32Array | undefined }>
  close(): Promise<void>
}

async function openProduct(dim: number, threads: number): Promise<Product> {
  const { constant, encodeModel, input, loadModel, max, operator } = await import('@lever/onnx-grad')
  const [a, b] = [input('a', ['m', dim]), input('b', ['n', dim])]
  const scores = operator('Gemm', [a, b], { shape: ['m', 'n'] }, { transB: 1 })
  const parts = constant([0, -1, GROUP], [3], 'int64')
  const peaks = max(operator('Reshape', [scores, parts], { shape: ['m', 'g', GROUP] }), { axes: [2] })
  const open = (outputs: Parameters<typeof encodeModel>[0]['outputs']): Promise<Runner> =>
    loadModel(encodeModel({ inputs: [a, b], outputs }), { threads })
  const runners = [await open({ scores }), await open({ scores, peaks })] as const
  const matrix = (data: Float32Array): Value => ({
    dtype: 'float32',
    dims: [data.length / dim, dim],
    data,
  })
  return {
    async of(m, n) {
      const runner = runners[(n.length / dim) % GROUP === 0 ? 1 : 0]
      const found = await runner.run({ a: matrix(m), b: matrix(n) })
      return {
        scores: found['scores']!.data as Float32Array,
        peaks: found['peaks']?.data as Float32Array | undefined,
      }
    },
    async close() {
      for (const runner of runners) await runner.close()
    },
  }
}
