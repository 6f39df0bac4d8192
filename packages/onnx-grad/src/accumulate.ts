import { add, sub } from './ops/elementwise.ts'
import { concat, pad } from './ops/layout.ts'
import { accumulateInto, matmul, transposeLast } from './ops/matmul.ts'
import type { Tensor } from './tensor.ts'

/**
 * Sum of the gradients that flow into one node from its consumers.
 *
 * Three kinds of sums need not be written out: gradients of slices that tile the node are joined, thin
 * products a_i b_i of one shape become the product [a_1 a_2 ...] [b_1; b_2; ...], and matrix products
 * are added by Gemm itself.
 */
export function sumOfPieces(pieces: readonly Tensor[]): Tensor {
  const slices = pieces.map(placeOf)
  const products = pieces.filter((piece, i) => slices[i] === undefined && isThinProduct(piece))
  const joined = products.length < 2 ? [] : groupBy(products, ({ shape }) => shape.join()).map(oneProduct)
  const rest = pieces.filter(
    (piece, i) => slices[i] === undefined && (joined.length === 0 || !products.includes(piece)),
  )
  const whole = [...joined, ...rest, ...joinSlices(slices.filter((slice) => slice !== undefined))]
  const ordered = [...whole.filter(({ op }) => op !== 'Gemm'), ...whole.filter(({ op }) => op === 'Gemm')]
  return ordered.reduce((total, piece) => {
    if (piece.op === 'Neg') return sub(total, piece.inputs[0]!)
    return accumulateInto(total, piece) ?? add(total, piece)
  })
}

/** A gradient that is zero but for `inner`, which lies at `start` of an axis. */
interface Slice {
  readonly inner: Tensor
  readonly axis: number
  readonly start: number
  readonly total: number
}

function placeOf(piece: Tensor): Slice | undefined {
  if (piece.op !== 'Pad') return undefined
  const inner = piece.inputs[0]!
  const amounts = Array.from(piece.inputs[1]!.values as BigInt64Array, Number)
  const rank = inner.shape.length
  const axes = inner.shape.map((_, i) => i).filter((i) => amounts[i] !== 0 || amounts[rank + i] !== 0)
  const axis = axes[0]!
  if (axes.length !== 1) return undefined
  return { inner, axis, start: amounts[axis]!, total: piece.shape[axis] as number }
}

/** One gradient for all slices along an axis that do not overlap, or one each. */
function joinSlices(slices: readonly Slice[]): Tensor[] {
  return groupBy(slices, ({ axis }) => String(axis)).map((group) => {
    const { axis, total } = group[0]!
    const places = groupBy(group, ({ start, inner }) => `${start} ${inner.shape[axis]!}`)
      .map((same) => ({ start: same[0]!.start, inner: sumOfPieces(same.map(({ inner }) => inner)) }))
      .sort((a, b) => a.start - b.start)
    const ends = places.map(({ start, inner }) => start + (inner.shape[axis] as number))
    const padded = (from: number, to: number): Tensor => {
      const before = places[from]!.start
      const after = total - ends[to - 1]!
      return pad(
        concat(
          places.slice(from, to).map(({ inner }) => inner),
          axis,
        ),
        axis,
        before,
        after,
      )
    }
    const runs: number[] = [0]
    for (let i = 1; i < places.length; i++) if (places[i]!.start !== ends[i - 1]) runs.push(i)
    return runs.map((from, i) => padded(from, runs[i + 1] ?? places.length)).reduce((a, b) => add(a, b))
  })
}

/** Whether joining the factors moves fewer numbers than adding the products. */
function isThinProduct({ op, inputs, shape }: Tensor): boolean {
  if (op !== 'MatMul') return false
  const [a, b] = inputs as [Tensor, Tensor]
  const [rows, inner, columns] = [a.shape.at(-2), a.shape.at(-1), b.shape.at(-1)].map(Number) as [
    number,
    number,
    number,
  ]
  const full = a.shape.length === shape.length && b.shape.length === shape.length
  const sameBatch = shape.slice(0, -2).every((dim, i) => a.shape[i] === dim && b.shape[i] === dim)
  return full && sameBatch && shape.length > 2 && inner * (rows + columns) < rows * columns
}

function oneProduct(products: readonly Tensor[]): Tensor {
  if (products.length === 1) return products[0]!
  const lefts = products.map(({ inputs }) => inputs[0]!)
  const rights = products.map(({ inputs }) => inputs[1]!)
  return matmul(joinColumns(lefts), concat(rights, -2))
}

function joinColumns(tensors: readonly Tensor[]): Tensor {
  return transposeLast(
    concat(
      tensors.map((tensor) => transposeLast(tensor)),
      -2,
    ),
  )
}

function groupBy<T>(items: readonly T[], key: (item: T) => string): T[][] {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    const name = key(item)
    const group = groups.get(name)
    if (group === undefined) groups.set(name, [item])
    else group.push(item)
  }
  return [...groups.values()]
}
