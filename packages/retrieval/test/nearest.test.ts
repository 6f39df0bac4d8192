import { expect, test } from '@jest/globals'
import { createRandom } from '@lever/reward-utils'
import fc from 'fast-check'
import { nearest, topSimilar } from '../src/index.ts'
import { nearestByBlocks } from '../src/nearest.ts'

type Value = (row: number, column: number) => number

function matrix(rows: number, dim: number, value: Value): Float32Array {
  const out = new Float32Array(rows * dim)
  for (let row = 0, i = 0; row < rows; row++) {
    for (let column = 0; column < dim; column++) out[i++] = value(row, column)
  }
  return out
}

/** Rows of length about 1 with a few that repeat. */
function embeddings(rows: number, dim: number, seed: number): Float32Array {
  const random = createRandom(seed)
  const normal = matrix(rows, dim, () => random.normal() / Math.sqrt(dim))
  for (let row = 3; row < rows; row += 3) normal.copyWithin(row * dim, dim, 2 * dim)
  return normal
}

test.each([
  [1, 1, 1, 1],
  [37, 500, 24, 7],
  [300, 2000, 96, 64],
  [5, 40, 3, 60],
])('M=%i C=%i D=%i k=%i: what topSimilar finds, in blocks of any size', async (m, n, dim, k) => {
  const [queries, candidates] = [embeddings(m, dim, 1), embeddings(n, dim, 2)]
  const excluded = (i: number, row: number): boolean => n > 1 && (i + row) % 3 === 0
  const expected = topSimilar({ queries, candidates, dim, k, excluded })
  for (const [block, tile] of [
    [64, 7],
    [4096, 1024],
  ] as const) {
    expect(await nearestByBlocks({ queries, candidates, dim, k, excluded, block, tile })).toEqual(expected)
  }
})

test.each<[string, Value]>([
  ['all equal', () => 0.25],
  ['growing', (row) => row / 600],
  ['falling', (row) => -row / 600],
  ['closer than single precision can tell', (row, column) => 1 + row * 2e-8 * (column % 2)],
  [
    'beyond what single precision can sum',
    (row, column) => (column % 2 === 0 ? 1 : -1) * (1e19 + row * 1e13),
  ],
  ['smaller than single precision can multiply', (row) => (row % 11) * 1e-24],
  ['zero', () => 0],
])('candidates that are %s', async (_, value) => {
  const dim = 48
  const queries = matrix(9, dim, (row, column) => value(row * 7, column))
  const candidates = matrix(600, dim, value)
  const options = { queries, candidates, dim, k: 10 }
  expect(await nearestByBlocks({ ...options, block: 50 })).toEqual(topSimilar(options))
})

test('finds what topSimilar finds', async () => {
  const sizes = fc.record({
    m: fc.integer({ min: 1, max: 12 }),
    n: fc.integer({ min: 1, max: 90 }),
    dim: fc.integer({ min: 1, max: 20 }),
    k: fc.integer({ min: 1, max: 30 }),
    block: fc.integer({ min: 1, max: 40 }),
    seed: fc.nat(),
    levels: fc.integer({ min: 1, max: 1000 }),
  })
  await fc.assert(
    fc.asyncProperty(sizes, async ({ m, n, dim, k, block, seed, levels }) => {
      const random = createRandom(seed)
      const value = (): number => random.int(levels) / levels - 0.5
      const options = { queries: matrix(m, dim, value), candidates: matrix(n, dim, value), dim, k }
      expect(await nearestByBlocks({ ...options, block })).toEqual(topSimilar(options))
    }),
    { numRuns: 60, seed: 1 },
  )
})

test('chosen rows of queries and candidates, small or large', async () => {
  const dim = 16
  const data = embeddings(400, dim, 5)
  const [queryRows, candidateRows] = [[399, 2, 7], Int32Array.from({ length: 300 }, (_, i) => 399 - i)]
  const chosen = matrix(300, dim, (row, column) => data[candidateRows[row]! * dim + column]!)
  const expected = topSimilar({ queries: data, candidates: chosen, dim, queryRows, k: 5 })
  const options = { queries: data, candidates: data, dim, queryRows, candidateRows, k: 5 }
  expect(await nearest(options)).toEqual(expected)
  expect(await nearestByBlocks({ ...options, block: 70 })).toEqual(expected)
})

test('a large search goes through ONNX Runtime with the same result', async () => {
  const dim = 256
  let state = 1
  const next = (): number => (state = (state * 16_807) % 2_147_483_647) / 2 ** 31 - 0.5
  const [queries, candidates] = [matrix(260, dim, next), matrix(17_000, dim, next)]
  const options = { queries, candidates, dim, k: 64 }
  expect(await nearest(options)).toEqual(topSimilar(options))
})

test('nothing to search gives nothing', async () => {
  const none = new Float32Array(0)
  expect(await nearestByBlocks({ queries: none, candidates: none, dim: 3, k: 2 })).toEqual([])
  const [found] = await nearestByBlocks({ queries: Float32Array.of(1, 0), candidates: none, dim: 2, k: 2 })
  expect(found!.rows).toHaveLength(0)
})
