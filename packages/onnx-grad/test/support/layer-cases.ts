import * as g from '../../src/index.ts'
import { multiply, rows, zip } from './array.ts'
import { erf, none, sigmoid, total, unary } from './operator-case.ts'
import type { OperatorCase } from './operator-case.ts'

/** Layers. */
export const layerCases: Readonly<Record<string, OperatorCase>> = {
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
