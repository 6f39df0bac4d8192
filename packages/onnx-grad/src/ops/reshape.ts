import { formatShape, sameShape, sizeOf, type Shape } from '../shape.ts'
import { constant, operator, type Tensor } from '../tensor.ts'

/**
 * The same elements in another shape. Named dimensions may stay where they are; one more may be
 * left to ONNX to infer.
 * @throws RangeError if the number of elements differs or more than one dimension would be unknown.
 */
export function reshape(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x
  const named = [...x.shape, ...shape].some((dim) => typeof dim === 'string')
  if (!named && sizeOf(x.shape) !== sizeOf(shape)) {
    throw new RangeError(
      `onnx-grad: reshape of ${formatShape(x.shape)} to ${formatShape(shape)} changes the number of elements`,
    )
  }
  const target = shape.map((dim, i) => (typeof dim === 'number' ? dim : x.shape[i] === dim ? 0 : -1))
  if (target.filter((dim) => dim === -1).length > 1) {
    throw new RangeError(
      `onnx-grad: reshape of ${formatShape(x.shape)} to ${formatShape(shape)} leaves two dimensions unknown`,
    )
  }
  const zeros = shape.includes(0)
  return operator(
    'Reshape',
    [x, constant(target, [target.length], 'int64')],
    { shape },
    zeros ? { allowzero: 1 } : {},
    (g) => [reshape(g, x.shape)],
  )
}
