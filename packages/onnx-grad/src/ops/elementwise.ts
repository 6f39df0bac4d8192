import { broadcastShapes, sameShape } from '../shape.ts'
import type { Shape } from '../shape.ts'
import { operator, scalar } from '../tensor.ts'
import type { DType, Tensor } from '../tensor.ts'
import { onnxTypes } from '../onnx/wire.ts'
import { sumTo } from './broadcast.ts'

/** An operand: a tensor, or a number that becomes a constant of the other operand's type. */
export type Operand = Tensor | number

function pair(a: Operand, b: Operand, operation: string): [Tensor, Tensor] {
  if (typeof a === 'number') {
    if (typeof b === 'number')
      throw new TypeError(`onnx-grad: ${operation} needs a tensor, got ${a} and ${b}`)
    return [scalar(a, b.dtype), b]
  }
  const other = typeof b === 'number' ? scalar(b, a.dtype) : b
  if (a.dtype !== other.dtype) {
    throw new TypeError(`onnx-grad: ${operation} of ${a.dtype} and ${other.dtype}; cast one of them`)
  }
  return [a, other]
}

function binary(
  op: string,
  a: Operand,
  b: Operand,
  vjp?: (gradient: Tensor, x: Tensor, y: Tensor, output: Tensor) => [Tensor, Tensor],
  dtype?: DType,
): Tensor {
  const [left, right] = pair(a, b, op)
  const shape = broadcastShapes(left.shape, right.shape, op)
  const x = unexpanded(left, right.shape, shape)
  const y = unexpanded(right, x.shape, shape)
  return operator(
    op,
    [x, y],
    { shape, dtype: dtype ?? x.dtype },
    {},
    vjp &&
      ((gradient, output) => {
        const [dx, dy] = vjp(gradient, x, y, output)
        return [sumTo(dx, x.shape), sumTo(dy, y.shape)]
      }),
  )
}

/** What an Expand node repeats, where broadcasting with the other operand does the same. */
function unexpanded(x: Tensor, other: Shape, shape: Shape): Tensor {
  if (x.op !== 'Expand') return x
  const small = x.inputs[0]!
  return sameShape(broadcastShapes(small.shape, other, 'Expand'), shape) ? small : x
}

function unary(op: string, x: Tensor, vjp: (gradient: Tensor, output: Tensor) => Tensor): Tensor {
  return operator(op, [x], { shape: x.shape }, {}, (gradient, output) => [vjp(gradient, output)])
}

/** a + b with broadcasting. */
export function add(a: Operand, b: Operand): Tensor {
  return binary('Add', a, b, (g) => [g, g])
}

/** a - b with broadcasting. */
export function sub(a: Operand, b: Operand): Tensor {
  return binary('Sub', a, b, (g) => [g, neg(g)])
}

/** a * b, element by element, with broadcasting. */
export function mul(a: Operand, b: Operand): Tensor {
  return binary('Mul', a, b, (g, x, y) => [mul(g, y), mul(g, x)])
}

/** a / b with broadcasting. */
export function div(a: Operand, b: Operand): Tensor {
  return binary('Div', a, b, (g, _x, y, out) => {
    const dx = div(g, y)
    return [dx, neg(mul(dx, out))]
  })
}

/** The larger of the two; where they are equal, the gradient goes to `a`. */
export function maximum(a: Operand, b: Operand): Tensor {
  return binary('Max', a, b, (g, x, y) => splitByMask(g, greaterOrEqual(x, y)))
}

/** The smaller of the two; where they are equal, the gradient goes to `a`. */
export function minimum(a: Operand, b: Operand): Tensor {
  return binary('Min', a, b, (g, x, y) => splitByMask(g, greaterOrEqual(y, x)))
}

function splitByMask(gradient: Tensor, first: Tensor): [Tensor, Tensor] {
  const mask = cast(first, gradient.dtype)
  const toFirst = mul(gradient, mask)
  return [toFirst, sub(gradient, toFirst)]
}

/** x limited to [low, high]; outside, the gradient is 0, as in PyTorch's clamp. */
export function clip(x: Tensor, low: number, high: number): Tensor {
  return minimum(maximum(x, low), high)
}

/** a >= b as bool. */
export function greaterOrEqual(a: Operand, b: Operand): Tensor {
  return binary('GreaterOrEqual', a, b, undefined, 'bool')
}

/** a == b as bool. */
export function equal(a: Operand, b: Operand): Tensor {
  return binary('Equal', a, b, undefined, 'bool')
}

/** -x */
export function neg(x: Tensor): Tensor {
  return unary('Neg', x, neg)
}

/** e^x */
export function exp(x: Tensor): Tensor {
  return unary('Exp', x, (g, out) => mul(g, out))
}

/** Natural logarithm. */
export function log(x: Tensor): Tensor {
  return unary('Log', x, (g) => div(g, x))
}

/** Square root. */
export function sqrt(x: Tensor): Tensor {
  return unary('Sqrt', x, (g, out) => div(mul(g, 0.5), out))
}

/** 1 / x */
export function reciprocal(x: Tensor): Tensor {
  return unary('Reciprocal', x, (g, out) => neg(mul(g, mul(out, out))))
}

/** Hyperbolic tangent. */
export function tanh(x: Tensor): Tensor {
  return unary('Tanh', x, (g, out) => mul(g, sub(1, mul(out, out))))
}

/** 1 / (1 + e^-x) */
export function sigmoid(x: Tensor): Tensor {
  return unary('Sigmoid', x, (g, out) => mul(g, mul(out, sub(1, out))))
}

/** Gauss error function; float32 only in ONNX Runtime on the CPU. */
export function erf(x: Tensor): Tensor {
  return unary('Erf', x, (g) => mul(g, mul(exp(neg(mul(x, x))), 2 / Math.sqrt(Math.PI))))
}

/** Cosine. */
export function cos(x: Tensor): Tensor {
  return unary('Cos', x, (g) => neg(mul(g, sin(x))))
}

/** Sine. */
export function sin(x: Tensor): Tensor {
  return unary('Sin', x, (g) => mul(g, cos(x)))
}

/** x * x */
export function square(x: Tensor): Tensor {
  return mul(x, x)
}

/** Chooses a where the condition (bool) holds, else b; all three broadcast. */
export function where(condition: Tensor, a: Operand, b: Operand): Tensor {
  const [x, y] = pair(a, b, 'where')
  const shape = broadcastShapes(condition.shape, broadcastShapes(x.shape, y.shape, 'where'), 'where')
  return operator('Where', [condition, x, y], { shape, dtype: x.dtype }, {}, (g) => [
    undefined,
    sumTo(where(condition, g, 0), x.shape),
    sumTo(where(condition, 0, g), y.shape),
  ])
}

/** Converts the element type; gradients flow between float types only. */
export function cast(x: Tensor, dtype: DType): Tensor {
  if (x.dtype === dtype) return x
  const floats = x.dtype.startsWith('float') && dtype.startsWith('float')
  return operator(
    'Cast',
    [x],
    { shape: x.shape, dtype },
    { to: onnxTypes[dtype] },
    floats ? (g) => [cast(g, x.dtype)] : undefined,
  )
}

/** The same values, through which no gradient flows. */
export function stopGradient(x: Tensor): Tensor {
  return operator('Identity', [x], { shape: x.shape })
}

/** Adds tensors of one shape; undefined ones count as zero. */
export function addAll(tensors: readonly Tensor[]): Tensor {
  return tensors.reduce((sum, tensor) => {
    if (!sameShape(sum.shape, tensor.shape))
      throw new RangeError('onnx-grad: addAll needs tensors of one shape')
    return add(sum, tensor)
  })
}
