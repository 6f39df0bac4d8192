import { InputError } from '@lever/durable-files'
import type { Embeddings } from './types.ts'

/**
 * The rows of `embeddings` for `ids`, in that order.
 *
 * @throws InputError for an id without a row, a repeated id, or a matrix that is not [ids, dim] of finite numbers
 */
export function rowsOf(embeddings: Embeddings, ids: readonly number[], name: string): Int32Array {
  const index = indexOf(embeddings, name)
  return Int32Array.from(ids, (id) => {
    const row = index.get(id)
    if (row !== undefined) return row
    throw new InputError(
      `rl-generate: the ${name} embeddings have no row for example ${id}; embed the whole dataset (lever embed)`,
    )
  })
}

/** id -> row. Checks the matrix on the way; see {@link rowsOf}. */
export function indexOf({ ids, data, dim }: Embeddings, name: string): Map<number, number> {
  if (data.length !== ids.length * dim) {
    throw new InputError(
      `rl-generate: the ${name} embeddings hold ${data.length} numbers, not [M=${ids.length}, D=${dim}]`,
    )
  }
  const bad = firstNotFinite(data)
  if (bad >= 0) {
    throw new InputError(
      `rl-generate: row ${Math.floor(bad / dim)} of the ${name} embeddings is not finite; embed the dataset again`,
    )
  }
  const index = new Map<number, number>()
  for (let row = 0; row < ids.length; row++) {
    const id = Number(ids[row])
    if (!Number.isSafeInteger(id) || index.has(id)) {
      throw new InputError(
        `rl-generate: id ${String(ids[row])} in row ${row} of the ${name} embeddings is ${index.has(id) ? 'a repetition' : 'not a safe integer'}`,
      )
    }
    index.set(id, row)
  }
  return index
}

/**
 * Rows [a | b] / sqrt 2 by id, so that their inner product is the mean of the two: [M, D of a + D of b].
 *
 * @throws InputError if an id of `a` has no row in `b`
 */
export function joined(a: Embeddings, b: Embeddings, name: string): Embeddings {
  const ids = Array.from(a.ids, Number)
  const others = rowsOf(b, ids, name)
  const dim = a.dim + b.dim
  const data = new Float32Array(ids.length * dim)
  ids.forEach((_, row) => {
    data.set(a.data.subarray(row * a.dim, (row + 1) * a.dim), row * dim)
    data.set(b.data.subarray(others[row]! * b.dim, (others[row]! + 1) * b.dim), row * dim + a.dim)
  })
  for (let i = 0; i < data.length; i++) data[i]! *= Math.SQRT1_2
  return { ids, data, dim }
}

/** Place of the first number that is not finite, -1 of none. */
function firstNotFinite(data: Float32Array): number {
  for (let i = 0; i < data.length; i++) if (data[i]! - data[i]! !== 0) return i
  return -1
}
