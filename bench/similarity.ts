import { availableParallelism } from 'node:os'
import { performance } from 'node:perf_hooks'
import { encodeModel, input, loadModel, operator } from '@lever/onnx-grad'
import { nearest, topSimilar } from '@lever/retrieval'

export interface SimilarityFigures {
  queries: number
  candidates: number
  dim: number
  k: number
  threads: number
  /** ONNX Runtime multiplying the same matrices in the same blocks and nothing else; mean of before and after. */
  floorSeconds: number
  searchSeconds: number
  /** searchSeconds / floorSeconds */
  ratio: number
  /** Share of the queries, of a sample, for which the result is that of the search in JavaScript. */
  sameAsPlain: number
  rssMegabytes: number
}

const BLOCK = 4096
const TILE = 1024

/**
 * `LEVER_SIMILARITY=queries,candidates,dim` changes the size; the default is that of VQA v2 train
 * with CLIP's embeddings. The floor runs half before and half after the search.
 */
export async function run({
  size = process.env['LEVER_SIMILARITY'] ?? '5000,443757,768',
  k = 64,
  threads = availableParallelism(),
}: { size?: string; k?: number; threads?: number } = {}): Promise<SimilarityFigures> {
  const [queries, candidates, dim] = size.split(',').map(Number) as [number, number, number]
  const [a, b] = [unitRows(queries, dim, 1), unitRows(candidates, dim, 2)]
  const floor = await openFloor(a, b, dim, threads)
  const before = await floor.seconds(0)
  const started = performance.now()
  const found = await nearest({ queries: a, candidates: b, dim, k, threads })
  const searchSeconds = (performance.now() - started) / 1000
  const floorSeconds = before + (await floor.seconds(1))
  await floor.close()
  const sample = [0, 1, 2, 3].map((i) => Math.floor((i * queries) / 4))
  const plain = topSimilar({ queries: a, candidates: b, dim, k, queryRows: sample })
  const same = sample.filter((query, i) => String(found[query]!.rows) === String(plain[i]!.rows))
  return {
    queries,
    candidates,
    dim,
    k,
    threads,
    floorSeconds,
    searchSeconds,
    ratio: searchSeconds / floorSeconds,
    sameAsPlain: same.length / sample.length,
    rssMegabytes: process.memoryUsage().rss / 1e6,
  }
}

/** The products of every second block, from the first or the second on. */
async function openFloor(
  queries: Float32Array,
  candidates: Float32Array,
  dim: number,
  threads: number,
): Promise<{ seconds(from: 0 | 1): Promise<number>; close(): Promise<void> }> {
  const [a, b] = [input('a', ['m', dim]), input('b', ['n', dim])]
  const product = operator('Gemm', [a, b], { shape: ['m', 'n'] }, { transB: 1 })
  const runner = await loadModel(encodeModel({ inputs: [a, b], outputs: { product } }), { threads })
  const multiply = (m: Float32Array, n: Float32Array): Promise<unknown> =>
    runner.run({
      a: { dtype: 'float32', dims: [m.length / dim, dim], data: m },
      b: { dtype: 'float32', dims: [n.length / dim, dim], data: n },
    })
  return {
    async seconds(from) {
      const started = performance.now()
      for (let start = from * BLOCK * dim; start < candidates.length; start += 2 * BLOCK * dim) {
        const rows = candidates.subarray(start, start + BLOCK * dim)
        for (let first = 0; first < queries.length; first += TILE * dim) {
          await multiply(queries.subarray(first, first + TILE * dim), rows)
        }
      }
      return (performance.now() - started) / 1000
    },
    close: () => runner.close(),
  }
}

/** Rows of length 1 whose directions are those of some centres and noise, as embeddings of questions are. */
function unitRows(rows: number, dim: number, seed: number): Float32Array {
  let state = seed
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0
    return state / 2 ** 31
  }
  const centres = Float32Array.from({ length: 64 * dim }, () => next())
  const out = new Float32Array(rows * dim)
  for (let row = 0; row < rows; row++) {
    const centre = Math.abs(Math.floor(next() * 64)) % 64
    let square = 0
    for (let d = 0; d < dim; d++) {
      const value = centres[centre * dim + d]! + next()
      out[row * dim + d] = value
      square += value * value
    }
    for (let d = 0; d < dim; d++) out[row * dim + d]! /= Math.sqrt(square)
  }
  return out
}
