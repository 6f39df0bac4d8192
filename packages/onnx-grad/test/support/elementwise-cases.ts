import * as g from '../../src/index.ts'
import { reduce, rows, zip } from './array.ts'
import { binary, erf, none, one, sigmoid, softmax, total, unary } from './operator-case.ts'
import type { OperatorCase } from './operator-case.ts'

/** Operators on every element, and reductions. */
export const elementwiseCases: Readonly<Record<string, OperatorCase>> = {
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
}
