import { staticShape } from '../shape.ts'
import { constant, operator, type Tensor } from '../tensor.ts'
import { checkOptions, reduceShape, resolveAxes, sum, type ReduceOptions } from './broadcast.ts'
import { div, exp, maximum, mul, sub } from './elementwise.ts'
import { reshape } from './reshape.ts'

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

/** Mean with weights >= 0 of the same shape: sum(x w) / max(sum(w), 1e-12). */
export function weightedMean(x: Tensor, weights: Tensor): Tensor {
  return div(sum(mul(x, weights)), maximum(sum(weights), 1e-12))
}
