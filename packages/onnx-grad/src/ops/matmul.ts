import { broadcastShapes, formatShape, resolveAxis } from '../shape.ts'
import { operator, type Tensor } from '../tensor.ts'
import { sumTo } from './broadcast.ts'
import { reshape } from './reshape.ts'

/**
 * Matrix product over the last two axes, the others broadcast: [..., M, K] x [..., K, N] -> [..., M, N].
 * @throws RangeError if the inner dimensions differ.
 */
export function matmul(a: Tensor, b: Tensor): Tensor {
  if (a.shape.length < 2 || b.shape.length < 2 || a.shape.at(-1) !== b.shape.at(-2)) {
    throw new RangeError(
      `onnx-grad: matmul: shapes ${formatShape(a.shape)} and ${formatShape(b.shape)} do not fit`,
    )
  }
  const batch = broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2), 'matmul')
  const shape = [...batch, a.shape.at(-2)!, b.shape.at(-1)!]
  return operator('MatMul', [a, b], { shape }, {}, (g) =>
    b.shape.length === 2
      ? [flatTimes(g, b), productOfRows(a, g)]
      : [sumTo(matmul(g, transposeLast(b)), a.shape), sumTo(matmul(transposeLast(a), g), b.shape)],
  )
}

/** g [..., N] times the transpose of w [K, N], without writing the transpose. */
function flatTimes(g: Tensor, w: Tensor): Tensor {
  const rows = flatten(g)
  if (w.op === 'Transpose') return reshape(matmul(rows, w.inputs[0]!), [...g.shape.slice(0, -1), w.shape[0]!])
  const product = operator(
    'Gemm',
    [rows, w],
    { shape: [rows.shape[0]!, w.shape[0]!] },
    { transB: 1 },
    (h) => [matmul(h, w), gemmTransposed(h, rows)],
  )
  return reshape(product, [...g.shape.slice(0, -1), w.shape[0]!])
}

/** The transpose of a [..., K] times g [..., N], summed over all rows: [K, N]. */
function productOfRows(a: Tensor, g: Tensor): Tensor {
  return gemmTransposed(flatten(a), flatten(g))
}

function gemmTransposed(a: Tensor, b: Tensor): Tensor {
  const shape = [a.shape[1]!, b.shape[1]!]
  return operator('Gemm', [a, b], { shape }, { transA: 1 }, (h) => [
    matmul(b, transposeLast(h)),
    matmul(a, h),
  ])
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

/** The transpose of a product that nothing else uses, as another product. */
function transposedProduct(x: Tensor): Tensor | undefined {
  const [a, b] = x.inputs as [Tensor, Tensor]
  if (x.op === 'MatMul') return matmul(transposeLast(b), transposeLast(a))
  if (x.op !== 'Gemm' || x.inputs.length > 2) return undefined
  return x.attributes['transA'] === 1 ? gemmTransposed(b, a) : flatTimes(b, a)
}

/** `total` + `piece` as one Gemm, when the piece is one that adds nothing yet. */
export function accumulateInto(total: Tensor, piece: Tensor): Tensor | undefined {
  if (piece.op !== 'Gemm' || piece.inputs.length > 2) return undefined
  return operator('Gemm', [...piece.inputs, total], { shape: piece.shape }, piece.attributes, (h) => [
    ...piece.vjp!(h, piece),
    h,
  ])
}

function flatten(x: Tensor): Tensor {
  if (x.shape.length === 2) return x
  const rows = x.shape.slice(0, -1).reduce<number>((product, dim) => {
    if (typeof dim === 'string')
      throw new RangeError(`onnx-grad: a gradient needs fixed dimensions, got ${formatShape(x.shape)}`)
    return product * dim
  }, 1)
  return reshape(x, [rows, x.shape.at(-1)!])
}
