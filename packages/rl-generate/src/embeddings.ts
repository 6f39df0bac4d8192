import { InputError } from '@lever/durable-files'
import { rowFinder, type EmbeddingMatrix } from '@lever/tensor-files'

/**
 * The rows of `embeddings` for `ids`, in that order.
 * @throws InputError if an id has no row or is given twice, or the matrix is not [M, D] of finite numbers
 */
export function rowsOf(embeddings: EmbeddingMatrix, ids: readonly number[], name: string): Int32Array {
  return Int32Array.from(ids, checkedRows(embeddings, name))
}

/** As `rowFinder`, for a matrix of finite numbers only; see {@link rowsOf}. */
export function checkedRows(embeddings: EmbeddingMatrix, name: string): (id: number) => number {
  const bad = firstNotFinite(embeddings.data)
  if (bad >= 0) {
    throw new InputError(
      `rl-generate: row ${Math.floor(bad / embeddings.dim)} of the ${name} embeddings is not finite; embed the dataset again`,
    )
  }
  return rowFinder(embeddings, name)
}

/**
 * Rows [a | b] / sqrt 2 by id, so that their inner product is the mean of the two: [M, D of a + D of b].
 * @throws InputError if an id of `a` has no row in `b`
 */
export function joined(a: EmbeddingMatrix, b: EmbeddingMatrix, name: string): EmbeddingMatrix {
  const { ids } = a
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

/** Place of the first number that is not finite; -1 if all are. */
function firstNotFinite(data: Float32Array): number {
  for (let i = 0; i < data.length; i++) if (data[i]! - data[i]! !== 0) return i
  return -1
}
