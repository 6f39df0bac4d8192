import { broadcastShapes, formatShape, resolveAxis, sameShape, sizeOf, staticShape } from '../shape.ts'
import type { Dim, Shape } from '../shape.ts'
import { constant, operator } from '../tensor.ts'
import type { Tensor } from '../tensor.ts'
import { transposedProduct } from './matmul.ts'
import { sumTo } from './reduce.ts'

/**
 * The same elements in another shape. Named dimensions may stay where they are; one more may be
 * left to ONNX to infer.
 * @throws RangeError when the number of elements differs or more than one dimension would be unknown.
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

/** Reorders the axes: axis i of the result is axis `order[i]` of x. */
export function transpose(x: Tensor, order: readonly number[]): Tensor {
  if (order.every((axis, i) => axis === i) && order.length === x.shape.length) return x
  if (x.op === 'Transpose') {
    const before = x.attributes['perm'] as readonly number[]
    const both = order.map((axis) => before[axis]!)
    if (both.every((axis, i) => axis === i)) return x.inputs[0]!
  }
  if (order.length !== x.shape.length || new Set(order).size !== order.length) {
    throw new RangeError(`onnx-grad: transpose of ${formatShape(x.shape)} by [${order.join(', ')}]`)
  }
  const shape = order.map((axis) => x.shape[resolveAxis(axis, x.shape.length, 'transpose')]!)
  const inverse = order.map((_, i) => order.indexOf(i))
  return operator('Transpose', [x], { shape }, { perm: order }, (g) => [
    (swapsLast(inverse) ? transposedProduct(g) : undefined) ?? transpose(g, inverse),
  ])
}

function swapsLast(order: readonly number[]): boolean {
  const last = order.length - 1
  return order.every((axis, i) => axis === (i === last ? last - 1 : i === last - 1 ? last : i))
}

/** Exchanges the last two axes. */
export function transposeLast(x: Tensor): Tensor {
  const order = x.shape.map((_, i) => i)
  order.push(...order.splice(-2).reverse())
  return transpose(x, order)
}

/** Joins tensors along an axis. */
export function concat(tensors: readonly Tensor[], axis: number): Tensor {
  const first = tensors[0]
  if (first === undefined) throw new RangeError('onnx-grad: concat of nothing')
  if (tensors.length === 1) return first
  const at = resolveAxis(axis, first.shape.length, 'concat')
  for (const { shape } of tensors) {
    if (shape.length !== first.shape.length || shape.some((dim, i) => i !== at && dim !== first.shape[i])) {
      throw new RangeError(
        `onnx-grad: concat of ${tensors.map((t) => formatShape(t.shape)).join(', ')} along axis ${at}`,
      )
    }
  }
  const dims = tensors.map(({ shape }) => shape[at]!)
  const joined: Dim = dims.every((dim) => typeof dim === 'number')
    ? dims.reduce((a, b) => a + b, 0)
    : dims.join(' + ')
  const shape = first.shape.map((dim, i) => (i === at ? joined : dim))
  return operator('Concat', tensors, { shape }, { axis: at }, (g) => {
    const lengths = staticShape(dims, 'the gradient of concat')
    let start = 0
    return lengths.map((length) => slice(g, at, start, (start += length)))
  })
}

/** Elements start (included) to end (excluded) along an axis. */
export function slice(x: Tensor, axis: number, start: number, end: number): Tensor {
  const at = resolveAxis(axis, x.shape.length, 'slice')
  const length = x.shape[at]!
  if (start < 0 || end < start || (typeof length === 'number' && end > length)) {
    throw new RangeError(`onnx-grad: slice ${start} to ${end} of axis ${at} of ${formatShape(x.shape)}`)
  }
  if (start === 0 && end === length) return x
  const shape = x.shape.map((dim, i) => (i === at ? end - start : dim))
  const bound = (value: number): Tensor => constant([value], [1], 'int64')
  return operator('Slice', [x, bound(start), bound(end), bound(at)], { shape }, {}, (g) => {
    const total = staticShape([length], 'the gradient of slice')[0]!
    return [pad(g, at, start, total - end)]
  })
}

/** Adds zeros before and after along an axis. */
export function pad(x: Tensor, axis: number, before: number, after: number): Tensor {
  if (before === 0 && after === 0) return x
  const at = resolveAxis(axis, x.shape.length, 'pad')
  const length = staticShape([x.shape[at]!], 'pad')[0]!
  const rank = x.shape.length
  const amounts = Array.from({ length: 2 * rank }, (_, i) =>
    i === at ? before : i === rank + at ? after : 0,
  )
  const shape = x.shape.map((dim, i) => (i === at ? length + before + after : dim))
  return operator(
    'Pad',
    [x, constant(amounts, [2 * rank], 'int64')],
    { shape },
    { mode: 'constant' },
    (g) => [slice(g, at, before, before + length)],
  )
}

/** Repeats x to a larger shape by NumPy's rule of broadcasting. */
export function broadcastTo(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x
  if (!sameShape(broadcastShapes(x.shape, shape, 'broadcastTo'), shape)) {
    throw new RangeError(`onnx-grad: ${formatShape(x.shape)} does not broadcast to ${formatShape(shape)}`)
  }
  const target = staticShape(shape, 'broadcastTo')
  return operator('Expand', [x, constant(target, [target.length], 'int64')], { shape }, {}, (g) => [
    sumTo(g, x.shape),
  ])
}

/** Adds an axis of length 1 at a place. */
export function expandDims(x: Tensor, axis: number): Tensor {
  const at = resolveAxis(axis, x.shape.length + 1, 'expandDims')
  const shape = [...x.shape.slice(0, at), 1, ...x.shape.slice(at)]
  return operator('Unsqueeze', [x, constant([at], [1], 'int64')], { shape }, {}, (g) => [reshape(g, x.shape)])
}

/** Shape of x as int64 [rank]; no gradient flows. */
export function shapeOf(x: Tensor): Tensor {
  return operator('Shape', [x], { shape: [x.shape.length], dtype: 'int64' })
}
