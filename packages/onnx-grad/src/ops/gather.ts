import { formatShape, staticShape } from '../shape.ts'
import { constant, operator } from '../tensor.ts'
import type { DType, Tensor } from '../tensor.ts'
import { cast, equal } from './elementwise.ts'
import { expandDims } from './layout.ts'
import { matmul, transposeLast } from './matmul.ts'
import { reshape } from './reshape.ts'

/**
 * Rows of a table [R, ...] by index (int32 or int64) of any shape I: [...I, ...].
 * The gradient is a product with one-hot rows: no scatter, no atomics, the same bits every time.
 */
export function gather(table: Tensor, indices: Tensor): Tensor {
  const shape = [...indices.shape, ...table.shape.slice(1)]
  return operator('Gather', [table, indices], { shape }, { axis: 0 }, (g) => {
    const [rows, ...rest] = staticShape(table.shape, 'the gradient of gather')
    const count = staticShape(indices.shape, 'the gradient of gather').reduce((a, b) => a * b, 1)
    const width = rest.reduce((a, b) => a * b, 1)
    const hot = oneHot(reshape(indices, [count]), rows!, table.dtype)
    return [reshape(matmul(transposeLast(hot), reshape(g, [count, width])), table.shape)]
  })
}

/** Elements of the last axis of x [..., N] by index [..., T] (int64); no gradient flows. */
export function gatherLast(x: Tensor, indices: Tensor): Tensor {
  return operator('GatherElements', [x, indices], { shape: indices.shape }, { axis: -1 })
}

/** One-hot rows of indices I: [...I, depth]. An index outside gives a row of zeros. */
export function oneHot(indices: Tensor, depth: number, dtype: DType = 'float32'): Tensor {
  const positions = constant(
    Array.from({ length: depth }, (_, i) => i),
    [depth],
    indices.dtype,
  )
  return cast(equal(expandDims(indices, -1), positions), dtype)
}

/** Rows of x [B, N, H] by indices [B, T], one table a batch element: [B, T, H]. */
export function gatherBatched(x: Tensor, indices: Tensor): Tensor {
  if (x.shape.length !== 3 || indices.shape.length !== 2) {
    throw new RangeError(
      `onnx-grad: gatherBatched of ${formatShape(x.shape)} by ${formatShape(indices.shape)}; expected [B, N, H] and [B, T]`,
    )
  }
  const count = staticShape([x.shape[1]!], 'gatherBatched')[0]!
  return matmul(oneHot(indices, count, x.dtype), x)
}
