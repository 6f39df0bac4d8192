import type { Tensor } from '../../src/index.ts'
import { zip } from './array.ts'
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

export const one = [[1]]
export const none = [[0, 3]]
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

export const unary = (
  f: (x: Tensor) => Tensor,
  reference: (x: number) => number,
  more: Partial<OperatorCase> = {},
): OperatorCase => ({ f, reference: zip(reference), shapes: unaryShapes, ...more })

export const binary = (
  f: (a: Tensor, b: Tensor) => Tensor,
  reference: (a: number, b: number) => number,
  more: Partial<OperatorCase> = {},
): OperatorCase => ({ f, reference: zip(reference), shapes: binaryShapes, ...more })

export const total = (values: number[]): number => values.reduce((a, b) => a + b, 0)
export const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))
export const softmax = (row: number[]): number[] => {
  const powers = row.map(Math.exp)
  return powers.map((p) => p / total(powers))
}
/** Error function by its series. */
export const erf = (x: number): number => {
  let term = x
  let sum = x
  for (let n = 1; n < 60; n++) sum += (term *= (-x * x) / n) / (2 * n + 1)
  return (2 / Math.sqrt(Math.PI)) * sum
}
