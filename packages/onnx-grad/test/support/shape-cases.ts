import * as g from '../../src/index.ts'
import type { Tensor } from '../../src/index.ts'
import { at, fill, multiply } from './array.ts'
import type { NdArray } from './array.ts'
import { none, one, total } from './operator-case.ts'
import type { OperatorCase } from './operator-case.ts'

const indices = (values: number[], shape: number[]): Tensor => g.constant(values, shape, 'int32')
const reshaped =
  (shape: readonly number[]) =>
  ({ data }: NdArray): NdArray => ({ shape, data })

/** Operators that move, copy or look up elements, and products of matrices. */
export const shapeCases: Readonly<Record<string, OperatorCase>> = {
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
}
