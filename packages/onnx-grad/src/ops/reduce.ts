import { formatShape, resolveAxis, sameShape, staticShape } from '../shape.ts'
import type { Shape } from '../shape.ts'
import { constant, operator } from '../tensor.ts'
import type { Tensor } from '../tensor.ts'
import { div, exp, maximum, mul, sub } from './elementwise.ts'
import { broadcastTo, reshape } from './layout.ts'

/** Which axes are reduced (default all) and whether they stay with length 1 (default false). */
export interface ReduceOptions {
  axes?: readonly number[]
  keepDims?: boolean
}

function reduceShape(shape: Shape, axes: readonly number[], keepDims: boolean): Shape {
  return keepDims
    ? shape.map((dim, i) => (axes.includes(i) ? 1 : dim))
    : shape.filter((_, i) => !axes.includes(i))
}

/** @throws TypeError for `sum(x, 1)` and `{ dim: 1 }`, which would mean all axes */
function checkOptions(options: ReduceOptions, operation: string): void {
  const isKnown = typeof options === 'object' && Object.keys(options).every((key) => known.includes(key))
  if (isKnown && (options.axes === undefined || Array.isArray(options.axes))) return
  throw new TypeError(
    `onnx-grad: ${operation} takes { axes: [1], keepDims: true }, got ${JSON.stringify(options)}`,
  )
}

const known = ['axes', 'keepDims']

function resolveAxes(x: Tensor, axes: readonly number[] | undefined, operation: string): readonly number[] {
  return axes?.map((axis) => resolveAxis(axis, x.shape.length, operation)) ?? x.shape.map((_, i) => i)
}

/** Sum over axes. */
export function sum(x: Tensor, options: ReduceOptions = {}): Tensor {
  checkOptions(options, 'sum')
  const { axes, keepDims = false } = options
  const resolved = resolveAxes(x, axes, 'sum')
  if (resolved.length === 0) return x
  return operator(
    'ReduceSum',
    [x, constant(resolved, [resolved.length], 'int64')],
    { shape: reduceShape(x.shape, resolved, keepDims) },
    { keepdims: keepDims ? 1 : 0 },
    (g) => [broadcastTo(keepDims ? g : reshape(g, reduceShape(x.shape, resolved, true)), x.shape)],
  )
}

/** Mean over axes. */
export function mean(x: Tensor, options: ReduceOptions = {}): Tensor {
  checkOptions(options, 'mean')
  const axes = resolveAxes(x, options.axes, 'mean')
  const count = staticShape(
    axes.map((axis) => x.shape[axis]!),
    'mean',
  ).reduce((product, dim) => product * dim, 1)
  return mul(sum(x, { ...options, axes }), 1 / count)
}

/** Sum of squares over axes. */
export function sumSquares(x: Tensor, options: ReduceOptions = {}): Tensor {
  checkOptions(options, 'sumSquares')
  const { axes, keepDims = false } = options
  const resolved = resolveAxes(x, axes, 'sumSquares')
  if (resolved.length === 0) return mul(x, x)
  return operator(
    'ReduceSumSquare',
    [x, constant(resolved, [resolved.length], 'int64')],
    { shape: reduceShape(x.shape, resolved, keepDims) },
    { keepdims: keepDims ? 1 : 0 },
    (g) => [mul(x, mul(keepDims ? g : reshape(g, reduceShape(x.shape, resolved, true)), 2))],
  )
}

/** Largest value over axes; no gradient flows (use it for shifts and for reports). */
export function max(x: Tensor, options: ReduceOptions = {}): Tensor {
  checkOptions(options, 'max')
  const { axes, keepDims = false } = options
  const resolved = resolveAxes(x, axes, 'max')
  return operator(
    'ReduceMax',
    [x, constant(resolved, [resolved.length], 'int64')],
    { shape: reduceShape(x.shape, resolved, keepDims) },
    { keepdims: keepDims ? 1 : 0 },
  )
}

/** Index of the largest value over the last axis, int64, the first of equals. */
export function argMax(x: Tensor): Tensor {
  return operator(
    'ArgMax',
    [x],
    { shape: x.shape.slice(0, -1), dtype: 'int64' },
    { axis: x.shape.length - 1, keepdims: 0 },
  )
}

/**
 * Indices of the `count` largest values over the last axis, int64, largest first, the first of equals. The other
 * axes must not be empty when it runs: ONNX Runtime 1.30 crashes on the CPU then.
 */
export function topIndices(x: Tensor, count: number): Tensor {
  const shape = [...x.shape.slice(0, -1), count]
  const largest = operator(
    'TopK',
    [x, constant([count], [1], 'int64')],
    { shape, dtype: 'int64' },
    { axis: -1 },
  )
  return { ...largest, output: 1 }
}

/** softmax over the last axis. */
export function softmax(x: Tensor): Tensor {
  return operator('Softmax', [x], { shape: x.shape }, { axis: -1 }, (g, out) => {
    const weighted = mul(g, out)
    return [sub(weighted, mul(out, sum(weighted, { axes: [-1], keepDims: true })))]
  })
}

/** log softmax over the last axis. */
export function logSoftmax(x: Tensor): Tensor {
  return operator('LogSoftmax', [x], { shape: x.shape }, { axis: -1 }, (g, out) => [
    sub(g, mul(exp(out), sum(g, { axes: [-1], keepDims: true }))),
  ])
}

/** Sums a gradient over the axes that broadcasting had added or stretched, back to `shape`. */
export function sumTo(gradient: Tensor, shape: Shape): Tensor {
  if (sameShape(gradient.shape, shape)) return gradient
  const extra = gradient.shape.length - shape.length
  const axes = gradient.shape
    .map((dim, i) => ({ dim, i }))
    .filter(({ dim, i }) => i < extra || (shape[i - extra] === 1 && dim !== 1))
    .map(({ i }) => i)
  const summed = sum(gradient, { axes, keepDims: true })
  const result = extra > 0 ? reshape(summed, shape) : summed
  if (!sameShape(result.shape, shape)) {
    throw new RangeError(
      `onnx-grad: a gradient ${formatShape(gradient.shape)} cannot be summed to ${formatShape(shape)}`,
    )
  }
  return result
}

/** Mean with weights >= 0 of the same shape: sum(x w) / max(sum(w), 1e-12). */
export function weightedMean(x: Tensor, weights: Tensor): Tensor {
  return div(sum(mul(x, weights)), maximum(sum(weights), 1e-12))
}
