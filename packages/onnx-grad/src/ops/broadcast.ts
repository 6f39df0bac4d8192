import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'

import { InputError } from '@lever/durable-files/input-error'
import { broadcastShapes, formatShape, resolveAxis, sameShape, staticShape, type Shape } from '../shape.ts'
import { constant, operator, type Tensor } from '../tensor.ts'
import { reshape } from './reshape.ts'

/** Which axes are reduced (default all) and whether they stay with length 1 (default false). */
export interface ReduceOptions {
  /** Axes, from the end where they are negative. Default all. */
  axes?: readonly number[]
  /** Keep reduced axes with length 1. Default false. */
  keepDims?: boolean
}

const REDUCE_OPTIONS: OptionNames<ReduceOptions> = { axes: true, keepDims: true }

/** Shape of a reduction over axes, which stay with length 1 or go. */
export function reduceShape(shape: Shape, axes: readonly number[], keepDims: boolean): Shape {
  return keepDims
    ? shape.map((dim, i) => (axes.includes(i) ? 1 : dim))
    : shape.filter((_, i) => !axes.includes(i))
}

/** @throws InputError for `sum(x, 1)` and `{ dim: 1 }`, which would mean all axes */
export function checkOptions(options: ReduceOptions, operation: string): void {
  refuseUnknownOptions(options, REDUCE_OPTIONS, `onnx-grad: ${operation}`)
  if (options.axes === undefined || Array.isArray(options.axes)) return
  throw new InputError(
    `onnx-grad: ${operation} takes { axes: [1], keepDims: true }, got ${JSON.stringify(options)}`,
  )
}

/** Axes from 0; all of them by default. */
export function resolveAxes(
  x: Tensor,
  axes: readonly number[] | undefined,
  operation: string,
): readonly number[] {
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
