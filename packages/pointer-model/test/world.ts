import { createRandom } from '@lever/reward-utils'
import type { PolicyInput, PolicyQuery } from '../src/batches.ts'

/** Unit vectors [rows, dim] of a seed. */
export function randomMatrix(rows: number, dim: number, seed = 1): PolicyInput['queries'] {
  const random = createRandom(seed, 'matrix')
  const data = new Float32Array(rows * dim)
  for (let i = 0; i < rows; i++) {
    const row = Array.from({ length: dim }, () => random.normal())
    const norm = Math.hypot(...row)
    data.set(
      row.map((x) => x / norm),
      i * dim,
    )
  }
  return { data, dim }
}

/** Queries 0..sizes.length-1 with random pools of the given sizes. */
export function randomInput(matrix: PolicyInput['queries'], sizes: readonly number[], seed = 2): PolicyInput {
  const rows = matrix.data.length / matrix.dim
  const items: PolicyQuery[] = sizes.map((size, row) => ({
    row,
    pool: createRandom(seed, row).sample(
      Array.from({ length: rows }, (_, i) => i),
      size,
    ),
  }))
  return { queries: matrix, items }
}
