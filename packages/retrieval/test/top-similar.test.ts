import { expect, test } from '@jest/globals'
import { createRandom } from '@lever/reward-utils'
import { topSimilar } from '../src/index.ts'

function matrix(rows: number, dim: number, seed: number): Float32Array {
  const random = createRandom(seed)
  return Float32Array.from({ length: rows * dim }, () => random.int(5) - 2)
}

/** Sorts all candidates, ties by row. */
function slow(
  q: Float32Array,
  c: Float32Array,
  dim: number,
  k: number,
  excluded: (i: number, r: number) => boolean,
) {
  return Array.from({ length: q.length / dim }, (_, i) =>
    Array.from({ length: c.length / dim }, (_, row) => {
      let score = 0
      for (let d = 0; d < dim; d++) score += q[i * dim + d]! * c[row * dim + d]!
      return { row, score }
    })
      .filter(({ row }) => !excluded(i, row))
      .sort((a, b) => b.score - a.score || a.row - b.row)
      .slice(0, k),
  )
}

test.each([
  [1, 1, 1, 1],
  [7, 50, 3, 5],
  [4, 33, 8, 33],
  [5, 9, 2, 20],
])('M=%i C=%i D=%i k=%i agrees with sorting, ties by row, for any block', (m, n, dim, k) => {
  const [queries, candidates] = [matrix(m, dim, 1), matrix(n, dim, 2)]
  const excluded = (i: number, row: number): boolean => (i + row) % 4 === 0 && n > 1
  const expected = slow(queries, candidates, dim, k, excluded)
  for (const block of [1, 3, 1000]) {
    const found = topSimilar({ queries, candidates, dim, k, excluded, block })
    expect(found.map(({ rows }) => [...rows])).toEqual(expected.map((list) => list.map(({ row }) => row)))
    expect(found.map(({ scores }) => [...scores])).toEqual(
      expected.map((list) => list.map(({ score }) => score)),
    )
  }
})

test('nothing to search gives nothing', () => {
  const none = new Float32Array(0)
  expect(topSimilar({ queries: none, candidates: none, dim: 3, k: 2 })).toEqual([])
  const [found] = topSimilar({ queries: Float32Array.of(1, 0), candidates: none, dim: 2, k: 2 })
  expect(found!.rows).toHaveLength(0)
})
