import { formatShape, resolveAxis, staticShape, type Dim } from '../shape.ts'
import { constant, operator, type Tensor } from '../tensor.ts'
import { reshape } from './reshape.ts'

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
