import * as g from '../../src/index.ts'
import type { Tensor } from '../../src/index.ts'
import { at, fill, multiply, reduce, rows, zip } from './array.ts'
import type { NdArray } from './array.ts'

/** What the conformance suite needs to know of an operator. */
export interface OperatorCase {
  f: (...inputs: Tensor[]) => Tensor
  /** The same in JavaScript. */
  reference: (...inputs: NdArray[]) => NdArray
  /** Shapes of the inputs: usual ones, broadcasting, one element, no element. */
  shapes: readonly (readonly (readonly number[])[])[]
  /** Added to the inputs, which lie in [-1, 1]. */
  shift?: number
  /** No gradient flows. */
  gradient?: false
  /** There is no float64 kernel on the CPU. */
  single?: true
}

const one = [[1]]
const none = [[0, 3]]
const unaryShapes = [[[2, 3]], [[]], one, none]
const binaryShapes = [
  [
    [2, 3],
    [2, 3],
  ],
  [[2, 3], [3]],
  [
    [2, 1],
    [1, 3],
  ],
  [[], [2]],
  [
    [2, 1, 2],
    [3, 1],
  ],
  [[1], [1]],
  [[0, 3], [3]],
  [
    [2, 0],
    [2, 1],
  ],
]

const unary = (
  f: (x: Tensor) => Tensor,
  reference: (x: number) => number,
  more: Partial<OperatorCase> = {},
): OperatorCase => ({ f, reference: zip(reference), shapes: unaryShapes, ...more })

const binary = (
  f: (a: Tensor, b: Tensor) => Tensor,
  reference: (a: number, b: number) => number,
  more: Partial<OperatorCase> = {},
): OperatorCase => ({ f, reference: zip(reference), shapes: binaryShapes, ...more })

const total = (values: number[]): number => values.reduce((a, b) => a + b, 0)
const indices = (values: number[], shape: number[]): Tensor => g.constant(values, shape, 'int32')
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))
const softmax = (row: number[]): number[] => {
  const powers = row.map(Math.exp)
  return powers.map((p) => p / total(powers))
}
/** Error function by its series. */
const erf = (x: number): number => {
  let term = x
  let sum = x
  for (let n = 1; n < 60; n++) sum += (term *= (-x * x) / n) / (2 * n + 1)
  return (2 / Math.sqrt(Math.PI)) * sum
}
const reshaped =
  (shape: readonly number[]) =>
  ({ data }: NdArray): NdArray => ({ shape, data })

/** Every operator and layer of this package; the suite refuses an export that is not here. */
export const operatorCases: Readonly<Record<string, OperatorCase>> = {
  add: binary(g.add, (a, b) => a + b),
  sub: binary(g.sub, (a, b) => a - b),
  mul: binary(g.mul, (a, b) => a * b),
  div: binary(g.div, (a, b) => a / b, { shift: 3 }),
  maximum: binary(g.maximum, Math.max),
  minimum: binary(g.minimum, Math.min),
  greaterOrEqual: binary(
    (a, b) => g.cast(g.greaterOrEqual(a, b), a.dtype),
    (a, b) => Number(a >= b),
    { gradient: false },
  ),
  equal: binary(
    (a, b) => g.cast(g.equal(a, b), a.dtype),
    (a, b) => Number(a === b),
    { gradient: false },
  ),
  clip: unary(
    (x) => g.clip(x, -0.4, 0.3),
    (x) => Math.min(0.3, Math.max(-0.4, x)),
  ),
  neg: unary(g.neg, (x) => -x),
  exp: unary(g.exp, Math.exp),
  log: unary(g.log, Math.log, { shift: 2 }),
  sqrt: unary(g.sqrt, Math.sqrt, { shift: 2 }),
  reciprocal: unary(g.reciprocal, (x) => 1 / x, { shift: 2 }),
  tanh: unary(g.tanh, Math.tanh),
  sigmoid: unary(g.sigmoid, sigmoid),
  erf: unary(g.erf, erf, { single: true }),
  cos: unary(g.cos, Math.cos),
  sin: unary(g.sin, Math.sin),
  square: unary(g.square, (x) => x * x),
  stopGradient: unary(g.stopGradient, (x) => x, { gradient: false }),
  cast: unary(
    (x) => g.cast(g.cast(x, 'int32'), x.dtype),
    (x) => Math.trunc(x),
    { gradient: false, shift: 5 },
  ),
  where: {
    f: (a, b, c) => g.where(g.greaterOrEqual(a, 0), b, c),
    reference: zip((a, b, c) => (a >= 0 ? b : c)),
    shapes: [
      [[2, 3], [2, 3], [3]],
      [[3], [2, 1], []],
      [[1], [1], [1]],
      [[0, 3], [3], [0, 1]],
    ],
  },
  addAll: {
    f: (...all) => g.addAll(all),
    reference: zip((...all) => total(all)),
    shapes: [
      [
        [2, 3],
        [2, 3],
        [2, 3],
      ],
      [[2]],
      [[1], [1]],
      [none[0]!, none[0]!],
    ],
  },
  sum: {
    f: (x) => g.sum(x, { axes: [0] }),
    reference: reduce(total, [0]),
    shapes: [[[2, 3]], [[3]], one, none, [[3, 0]]],
  },
  sumSquares: {
    f: (x) => g.sumSquares(x, { axes: [-1], keepDims: true }),
    reference: reduce((values) => total(values.map((x) => x * x)), [-1], true),
    shapes: [[[2, 3]], [[3]], one, none],
  },
  mean: {
    f: (x) => g.mean(x, { axes: [-1] }),
    reference: reduce((values) => total(values) / values.length, [-1]),
    shapes: [[[2, 3]], [[2, 3, 2]], one, none],
  },
  weightedMean: {
    f: g.weightedMean,
    reference: (x, w) => ({
      shape: [],
      data: [total(x.data.map((v, i) => v * w.data[i]!)) / Math.max(total([...w.data]), 1e-12)],
    }),
    shapes: [
      [[4], [4]],
      [[1], [1]],
      [none[0]!, none[0]!],
    ],
    shift: 2,
  },
  max: {
    f: (x) => g.max(x, { axes: [-1] }),
    reference: reduce((values) => Math.max(...values), [-1]),
    shapes: [[[2, 3]], one, none],
    gradient: false,
  },
  argMax: {
    f: (x) => g.cast(g.argMax(x), x.dtype),
    reference: reduce((values) => values.indexOf(Math.max(...values)), [-1]),
    shapes: [[[2, 3]], one, none],
    gradient: false,
  },
  topIndices: {
    f: (x) => g.cast(g.topIndices(x, Number(x.shape.at(-1))), x.dtype),
    reference: rows((row) => row.map((_, i) => i).sort((a, b) => row[b]! - row[a]!)),
    shapes: [[[2, 3]], [[2, 2, 4]], one],
    gradient: false,
  },
  gatherLast: {
    f: (x) => g.gatherLast(x, g.topIndices(x, Number(x.shape.at(-1)))),
    reference: rows((row) => row.toSorted((a, b) => b - a)),
    shapes: [[[2, 3]], [[2, 2, 4]], one],
    gradient: false,
  },
  softmax: { f: g.softmax, reference: rows(softmax), shapes: [[[2, 4]], [[2, 2, 3]], one, none] },
  logSoftmax: {
    f: g.logSoftmax,
    reference: rows((row) => softmax(row).map(Math.log)),
    shapes: [[[2, 4]], [[2, 2, 3]], one, none],
  },
  reshape: {
    f: (x) => g.reshape(x, [3, x.shape.reduce<number>((a, b) => a * Number(b), 1) / 3]),
    reference: (x) => reshaped([3, x.data.length / 3])(x),
    shapes: [[[2, 6]], [[3]], [[0, 2]]],
  },
  transpose: {
    f: (x) => g.transpose(x, [2, 0, 1]),
    reference: (x) => fill([x.shape[2]!, x.shape[0]!, x.shape[1]!], ([a, b, c]) => at(x, [b!, c!, a!])),
    shapes: [[[2, 3, 4]], [[1, 1, 1]], [[2, 0, 4]]],
  },
  transposeLast: {
    f: g.transposeLast,
    reference: (x) =>
      fill([...x.shape.slice(0, -2), x.shape.at(-1)!, x.shape.at(-2)!], (where) =>
        at(x, [...where.slice(0, -2), where.at(-1)!, where.at(-2)!]),
      ),
    shapes: [[[2, 3]], [[2, 3, 4]], [[1, 1]], none],
  },
  concat: {
    f: (...all) => g.concat(all, 1),
    reference: (...all) =>
      fill([all[0]!.shape[0]!, total(all.map(({ shape }) => shape[1]!))], ([row, column]) => {
        let start = 0
        const part = all.find(({ shape }) => {
          if (column! < start + shape[1]!) return true
          start += shape[1]!
          return false
        })
        return at(part!, [row!, column! - start])
      }),
    shapes: [
      [
        [2, 1],
        [2, 3],
      ],
      [
        [2, 0],
        [2, 3],
        [2, 2],
      ],
      [[1, 1]],
      [
        [0, 1],
        [0, 2],
      ],
    ],
  },
  slice: {
    f: (x) => g.slice(x, 1, 1, 2),
    reference: (x) => fill([x.shape[0]!, 1], ([row]) => at(x, [row!, 1])),
    shapes: [[[2, 5]], [[1, 2]], [[0, 3]]],
  },
  pad: {
    f: (x) => g.pad(x, 0, 1, 2),
    reference: (x) =>
      fill([x.shape[0]! + 3, x.shape[1]!], ([row, column]) =>
        row! < 1 || row! > x.shape[0]! ? 0 : at(x, [row! - 1, column!]),
      ),
    shapes: [[[2, 2]], [[1, 1]], [[0, 3]]],
  },
  broadcastTo: {
    f: (x) => g.broadcastTo(x, [3, Number(x.shape[0]), 4]),
    reference: (x) => fill([3, x.shape[0]!, 4], ([, row]) => at(x, [row!, 0])),
    shapes: [[[2, 1]], [[1, 1]], [[0, 1]]],
  },
  expandDims: {
    f: (x) => g.expandDims(x, 1),
    reference: (x) => reshaped([x.shape[0]!, 1, ...x.shape.slice(1)])(x),
    shapes: [[[2, 3]], one, none],
  },
  shapeOf: {
    f: (x) => g.cast(g.shapeOf(x), x.dtype),
    reference: ({ shape }) => ({ shape: [shape.length], data: [...shape] }),
    shapes: [[[2, 3]], one, none],
    gradient: false,
  },
  matmul: {
    f: g.matmul,
    reference: multiply,
    shapes: [
      [
        [2, 3],
        [3, 4],
      ],
      [
        [2, 3, 4],
        [4, 2],
      ],
      [
        [2, 3, 4],
        [2, 4, 2],
      ],
      [
        [2, 1, 3, 4],
        [2, 4, 2],
      ],
      [
        [3, 4],
        [2, 4, 2],
      ],
      [
        [1, 1],
        [1, 1],
      ],
      [
        [0, 3],
        [3, 2],
      ],
      [
        [0, 2, 3],
        [0, 3, 2],
      ],
    ],
  },
  gather: {
    f: (x) => g.gather(x, indices([0, 2, 2, 1, 0, 0], [2, 3])),
    reference: (x) =>
      fill([2, 3, ...x.shape.slice(1)], ([a, b, ...rest]) =>
        at(x, [[0, 2, 2, 1, 0, 0][a! * 3 + b!]!, ...rest]),
      ),
    shapes: [[[4, 3]], [[3]], [[3, 0]]],
  },
  gatherBatched: {
    f: (x) =>
      g.gatherBatched(x, indices([0, 1, 1, 1].slice(0, 2 * Number(x.shape[0])), [Number(x.shape[0]), 2])),
    reference: (x) =>
      fill([x.shape[0]!, 2, x.shape[2]!], ([b, t, h]) => at(x, [b!, [0, 1, 1, 1][b! * 2 + t!]!, h!])),
    shapes: [[[2, 3, 2]], [[1, 2, 1]], [[0, 2, 3]]],
  },
  oneHot: {
    f: (x) => g.oneHot(g.cast(x, 'int64'), 3, x.dtype),
    reference: (x) =>
      fill([...x.shape, 3], (where) => Number(Math.trunc(at(x, where.slice(0, -1))) === where.at(-1))),
    shapes: [[[2, 3]], one, none],
    shift: 1.5,
    gradient: false,
  },
  linear: {
    f: (x, w, b) => g.linear(x, w, b),
    reference: (x, w, b) => zip((p, q) => p + q)(multiply(x, w), b),
    shapes: [
      [[2, 3], [3, 2], [2]],
      [[2, 2, 3], [3, 2], [2]],
      [[1, 1], [1, 1], [1]],
      [[0, 3], [3, 2], [2]],
    ],
  },
  layerNorm: {
    f: (x, gain, bias) => g.layerNorm(x, gain, bias),
    reference: (x, gain, bias) => {
      const unit = rows((row) => {
        const mean = total(row) / row.length
        const deviation = Math.sqrt(total(row.map((v) => (v - mean) ** 2)) / row.length + 1e-5)
        return row.map((v) => (v - mean) / deviation)
      })(x)
      return zip((u, a, b) => u * a + b)(unit, gain, bias)
    },
    shapes: [
      [[2, 5], [5], [5]],
      [[2, 2, 4], [4], [4]],
      [[0, 3], [3], [3]],
    ],
  },
  rmsNorm: {
    f: (x, gain) => g.rmsNorm(x, gain),
    reference: (x, gain) => {
      const unit = rows((row) => {
        const root = Math.sqrt(total(row.map((v) => v * v)) / row.length + 1e-6)
        return row.map((v) => v / root)
      })(x)
      return zip((u, a) => u * a)(unit, gain)
    },
    shapes: [
      [[2, 5], [5]],
      [[1, 1], [1]],
      [[0, 3], [3]],
    ],
  },
  normalize: {
    f: (x) => g.normalize(x),
    reference: rows((row) => {
      const length = Math.max(Math.hypot(...row), 1e-12)
      return row.map((v) => v / length)
    }),
    shapes: [[[2, 5]], [[2, 2, 3]], [[1, 2]], none],
  },
  gelu: unary(g.gelu, (x) => 0.5 * x * (1 + erf(x / Math.SQRT2)), { single: true }),
  quickGelu: unary(g.quickGelu, (x) => x * sigmoid(1.702 * x), { single: true }),
  silu: unary(g.silu, (x) => x * sigmoid(x), { single: true }),
  dropout: {
    f: (x) => g.dropout(x, g.constant([1, 0, 1], [3], 'uint8'), 0.25),
    reference: (x) => zip((v, m) => (v * m) / 0.75)(x, { shape: [3], data: [1, 0, 1] }),
    shapes: [[[2, 3]], [[3]], [[1, 1]], none],
  },
}
