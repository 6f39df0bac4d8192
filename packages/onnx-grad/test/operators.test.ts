import { describe, expect, test } from '@jest/globals'
import * as g from '../src/index.ts'
import type { Tensor } from '../src/index.ts'
import { gradientError } from './check.ts'

type Case = [name: string, shapes: number[][], f: (...inputs: Tensor[]) => Tensor, shift?: number]

const indices = (values: number[], shape: number[]): Tensor => g.constant(values, shape, 'int32')
const mask = (values: number[], shape: number[]): Tensor => g.constant(values, shape, 'bool')

const cases: Case[] = [
  ['add, broadcast', [[2, 3], [3]], g.add],
  [
    'add, both broadcast',
    [
      [2, 1],
      [1, 3],
    ],
    g.add,
  ],
  [
    'sub',
    [
      [2, 3],
      [2, 1],
    ],
    g.sub,
  ],
  ['mul', [[2, 3], []], g.mul],
  ['mul of one tensor with itself', [[4]], (x) => g.mul(x, x)],
  ['div', [[2, 3], [3]], g.div, 3],
  ['maximum', [[7], [7]], g.maximum],
  ['minimum', [[7], [7]], g.minimum],
  ['clip', [[9]], (x) => g.clip(x, -0.4, 0.3)],
  ['neg', [[3]], g.neg],
  ['exp', [[3]], g.exp],
  ['log', [[3]], g.log, 2],
  ['sqrt', [[3]], g.sqrt, 2],
  ['tanh', [[3]], g.tanh],
  ['sigmoid', [[3]], g.sigmoid],
  ['square', [[3]], g.square],
  ['where', [[2, 2], [2]], (a, b) => g.where(mask([1, 0, 0, 1], [2, 2]), a, b)],
  ['sum of all', [[2, 3]], (x) => g.sum(x)],
  ['sum over the first axis', [[2, 3]], (x) => g.sum(x, { axes: [0] })],
  ['sum, axes kept', [[2, 3, 2]], (x) => g.sum(x, { axes: [0, -1], keepDims: true })],
  ['mean', [[2, 3]], (x) => g.mean(x, { axes: [1] })],
  ['softmax', [[2, 4]], g.softmax],
  ['logSoftmax', [[2, 4]], g.logSoftmax],
  ['weightedMean', [[4], [4]], g.weightedMean, 2],
  ['reshape', [[2, 6]], (x) => g.reshape(x, [3, 4])],
  ['transpose', [[2, 3, 4]], (x) => g.transpose(x, [2, 0, 1])],
  [
    'concat',
    [
      [2, 1],
      [2, 3],
    ],
    (a, b) => g.concat([a, b], 1),
  ],
  ['slice', [[2, 5]], (x) => g.slice(x, 1, 1, 4)],
  ['pad', [[2, 2]], (x) => g.pad(x, 0, 1, 2)],
  ['broadcastTo', [[2, 1]], (x) => g.broadcastTo(x, [3, 2, 4])],
  ['expandDims', [[2, 3]], (x) => g.expandDims(x, 1)],
  [
    'matmul',
    [
      [2, 3],
      [3, 4],
    ],
    g.matmul,
  ],
  [
    'matmul of a batch with a matrix',
    [
      [2, 3, 4],
      [4, 2],
    ],
    g.matmul,
  ],
  [
    'matmul of batches',
    [
      [2, 3, 4],
      [2, 4, 2],
    ],
    g.matmul,
  ],
  [
    'matmul, batches broadcast',
    [
      [2, 1, 3, 4],
      [2, 4, 2],
    ],
    g.matmul,
  ],
  ['gather', [[4, 3]], (x) => g.gather(x, indices([0, 2, 2, 3, 0, 0], [2, 3]))],
  ['gatherBatched', [[2, 3, 2]], (x) => g.gatherBatched(x, indices([0, 2, 1, 1], [2, 2]))],
  ['layerNorm', [[2, 5], [5], [5]], (x, gain, bias) => g.layerNorm(x, gain, bias)],
  ['rmsNorm', [[2, 5], [5]], (x, gain) => g.rmsNorm(x, gain)],
  ['normalize', [[2, 5]], (x) => g.normalize(x)],
  ['quickGelu', [[5]], g.quickGelu],
  ['silu', [[5]], g.silu],
  ['cast to float32 and back', [[3]], (x) => g.cast(g.cast(x, 'float32'), 'float64')],
  [
    'one element',
    [
      [1, 1],
      [1, 1],
    ],
    g.matmul,
  ],
  [
    'no element',
    [
      [0, 3],
      [3, 2],
    ],
    g.matmul,
  ],
]

describe('gradients agree with finite differences', () => {
  test.each(cases)('%s', async (_name, shapes, f, shift = 0) => {
    const loose = _name.startsWith('cast')
    const error = await gradientError(shapes, f, { shift, step: loose ? 1e-2 : 1e-5 })
    expect(error).toBeLessThan(loose ? 1e-4 : 1e-7)
  })

  test('gelu, in float32', async () => {
    expect(await gradientError([[5]], g.gelu, { dtype: 'float32', step: 1e-2 })).toBeLessThan(1e-3)
  })

  test('the gradient of a gradient', async () => {
    const second = (x: Tensor): Tensor => g.gradients(g.sum(g.exp(g.mul(x, x))), [x])[0]!
    expect(await gradientError([[3]], (x) => second(x))).toBeLessThan(1e-7)
    const ofSoftmax = (x: Tensor): Tensor => g.gradients(g.sum(g.square(g.softmax(x))), [x])[0]!
    expect(await gradientError([[4]], (x) => ofSoftmax(x))).toBeLessThan(1e-7)
  })

  test('no gradient flows through stopGradient', async () => {
    expect(await gradientError([[3]], (x) => g.mul(x, 2))).toBeLessThan(1e-7)
    const x = g.input('x', [3])
    const [gradient] = g.gradients(g.sum(g.mul(g.stopGradient(x), x)), [x])
    const model = await g.loadModel(g.encodeModel({ outputs: { gradient: gradient! } }))
    const result = await model.run({ x: { dtype: 'float32', dims: [3], data: Float32Array.of(1, 2, 3) } })
    expect(Array.from(result['gradient']!.data as Float32Array)).toEqual([1, 2, 3])
  })
})

describe('errors name the operation and the shapes', () => {
  const a = g.input('a', [2, 3])
  const b = g.input('b', [4, 2])
  test.each([
    ['matmul: shapes [2, 3] and [4, 2] do not fit', () => g.matmul(a, b)],
    ['Add: shapes [2, 3] and [4, 2] do not broadcast', () => g.add(a, b)],
    ['reshape of [2, 3] to [4] changes the number of elements', () => g.reshape(a, [4])],
    ['concat of [2, 3], [4, 2] along axis 0', () => g.concat([a, b], 0)],
    ['slice 1 to 9 of axis 1 of [2, 3]', () => g.slice(a, 1, 1, 9)],
    ['gradients need a scalar loss, got shape [2, 3]', () => g.gradients(a, [a])],
    ['Add of float32 and int64', () => g.add(a, g.input('i', [2, 3], 'int64'))],
    ['the graph also needs input a', () => g.encodeModel({ inputs: [], outputs: { y: g.neg(a) } })],
  ])('%s', (message, f) => {
    expect(f).toThrow(message)
  })
})
