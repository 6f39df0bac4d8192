import { describe, expect, test } from '@jest/globals'
import * as g from '../src/index.ts'
import type { Tensor } from '../src/index.ts'
import { sizeOf } from './support/array.ts'
import { gradientError, numbers } from './support/gradient-error.ts'
import { operatorCases } from './support/operators.ts'

/** Exports that are neither operators nor layers. */
const others = [
  'InputError',
  'isInputError',
  'adamWNumbers',
  'constant',
  'constantRate',
  'cosineRate',
  'encodeModel',
  'encodeTrainingLoop',
  'encodeTrainingStep',
  'flattenParameters',
  'formatShape',
  'gradients',
  'initialState',
  'input',
  'layoutParameters',
  'linearRate',
  'loadModel',
  'openTrainer',
  'operator',
  'parameterConstants',
  'parameterInputs',
  'parametersOf',
  'scalar',
  'unflattenParameters',
]

test('every operator is in the conformance suite', () => {
  expect([...Object.keys(operatorCases), ...others].sort()).toEqual(Object.keys(g).sort())
})

const cases = Object.entries(operatorCases).flatMap(([name, each]) =>
  each.shapes.map((shapes) => [`${name} ${shapes.map(g.formatShape).join(' ')}`, shapes, each] as const),
)

test.each(cases)(
  '%s',
  async (_name, shapes, { f, reference, shift = 0, gradient = true, single = false }) => {
    const dtype = single ? 'float32' : 'float64'
    const arrays = shapes.map((shape, i) => ({
      shape,
      data: Array.from(numbers(sizeOf(shape), 11 + i), (x) => x + shift),
    }))
    const expected = reference(...arrays)
    const inputs = shapes.map((shape, i) => g.input(`x${i}`, shape, dtype))
    const output = f(...inputs)
    expect(output.shape).toEqual(expected.shape)
    const model = await g.loadModel(g.encodeModel({ inputs, outputs: { output } }))
    const { output: found } = await model.run(
      Object.fromEntries(
        arrays.map(({ shape, data }, i) => [
          `x${i}`,
          { dtype, dims: shape, data: single ? Float32Array.from(data) : Float64Array.from(data) },
        ]),
      ),
    )
    await model.close()
    expect(found!.dims).toEqual(expected.shape)
    expect(found!.dtype).toBe(dtype)
    expected.data.forEach((value, i) => expect(Number(found!.data[i])).toBeCloseTo(value, single ? 5 : 10))
    if (!gradient) {
      const [none] = g.gradients(g.sum(output), [inputs[0]!])
      expect(none!.op).toBe('Constant')
      return
    }
    const error = await gradientError(shapes, f, { dtype, shift, step: single ? 1e-2 : 1e-5 })
    expect(error).toBeLessThan(single ? 1e-3 : 5e-7)
  },
)

describe('gradients', () => {
  test('of one tensor used twice', async () => {
    expect(await gradientError([[4]], (x) => g.mul(x, x))).toBeLessThan(1e-7)
  })

  test('of slices that tile, overlap, repeat or leave gaps', async () => {
    const part = (x: Tensor, start: number, end: number, power: number): Tensor =>
      g.sum(g.exp(g.mul(g.slice(x, 1, start, end), power)))
    const all = (x: Tensor, parts: readonly (readonly [number, number])[]): Tensor =>
      parts.map(([start, end], i) => part(x, start, end, i + 1)).reduce((a, b) => g.add(a, b))
    const tilings = [
      [
        [0, 2],
        [2, 3],
        [3, 6],
      ],
      [
        [3, 6],
        [0, 3],
        [3, 6],
      ],
      [
        [0, 1],
        [4, 5],
      ],
      [
        [0, 4],
        [2, 6],
      ],
    ] as const
    for (const parts of tilings) {
      expect(await gradientError([[2, 6]], (x) => all(x, parts))).toBeLessThan(1e-7)
      const both = (x: Tensor): Tensor => g.add(all(x, parts), g.sum(g.square(g.slice(x, 0, 1, 2))))
      expect(await gradientError([[2, 6]], both)).toBeLessThan(1e-7)
    }
  })

  test('of one matrix in several products, thin and wide', async () => {
    const f = (x: Tensor, a: Tensor, b: Tensor): Tensor => {
      const scores = g.matmul(a, g.transposeLast(x))
      const seen = g.matmul(g.softmax(scores), x)
      return g.add(g.sum(g.square(seen)), g.sum(g.square(g.matmul(b, g.transposeLast(x)))))
    }
    const shapes = [
      [2, 5, 6],
      [2, 1, 6],
      [2, 2, 6],
    ]
    expect(await gradientError(shapes, f)).toBeLessThan(1e-7)
    const shared = (w: Tensor, x: Tensor): Tensor => {
      const once = g.tanh(g.matmul(x, g.transposeLast(w)))
      return g.matmul(g.tanh(g.matmul(once, g.transposeLast(w))), w)
    }
    expect(
      await gradientError(
        [
          [4, 4],
          [3, 4],
        ],
        shared,
      ),
    ).toBeLessThan(1e-7)
  })

  test('of gradients', async () => {
    const second = (f: (x: Tensor) => Tensor): ((x: Tensor) => Tensor) => {
      return (x) => g.gradients(g.sum(f(x)), [x])[0]!
    }
    const powers = second((x) => g.exp(g.mul(x, x)))
    expect(await gradientError([[3]], powers)).toBeLessThan(1e-7)
    expect(
      await gradientError(
        [[4]],
        second((x) => g.square(g.softmax(x))),
      ),
    ).toBeLessThan(1e-7)
    expect(
      await gradientError(
        [[2, 4]],
        second((x) => g.exp(g.normalize(x))),
      ),
    ).toBeLessThan(1e-7)
    const unit = g.constant([1, 2, 3, 4], [4], 'float64')
    const normed = second((x) => g.exp(g.layerNorm(x, unit, unit)))
    expect(await gradientError([[2, 4]], normed)).toBeLessThan(1e-6)
    const product = second((x) => g.exp(g.matmul(x, g.transposeLast(x))))
    expect(await gradientError([[2, 3]], product)).toBeLessThan(1e-7)
  })

  test('of equal operands go to the first', async () => {
    const x = g.input('x', [1])
    const y = g.input('y', [1])
    const [dx, dy] = g.gradients(g.sum(g.maximum(x, y)), [x, y])
    const model = await g.loadModel(g.encodeModel({ inputs: [x, y], outputs: { dx: dx!, dy: dy! } }))
    const two = { dtype: 'float32', dims: [1], data: Float32Array.of(2) } as const
    const result = await model.run({ x: two, y: two })
    expect([result['dx']!.data[0], result['dy']!.data[0]]).toEqual([1, 0])
    await model.close()
  })

  test('do not flow through stopGradient', async () => {
    const x = g.input('x', [3])
    const [gradient] = g.gradients(g.sum(g.mul(g.stopGradient(x), x)), [x])
    const model = await g.loadModel(g.encodeModel({ outputs: { gradient: gradient! } }))
    const result = await model.run({ x: { dtype: 'float32', dims: [3], data: Float32Array.of(1, 2, 3) } })
    expect(Array.from(result['gradient']!.data as Float32Array)).toEqual([1, 2, 3])
    await model.close()
  })

  test('of a cast to float32 and back', async () => {
    const there = (x: Tensor): Tensor => g.cast(g.cast(x, 'float32'), 'float64')
    expect(await gradientError([[3]], there, { step: 1e-2 })).toBeLessThan(1e-4)
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
    ['sum: axis 2 does not exist in 2 dimensions', () => g.sum(a, { axes: [2] })],
    ['gradients need a scalar loss, got shape [2, 3]', () => g.gradients(a, [a])],
    ['Add of float32 and int64', () => g.add(a, g.input('i', [2, 3], 'int64'))],
    [
      'layerNorm of [2, 3]: bias has shape [2]; it must be [3]',
      () => g.layerNorm(a, g.input('w', [3]), g.input('c', [2])),
    ],
    ['rmsNorm of [2, 3]: gain has shape [3, 1]; it must be [3]', () => g.rmsNorm(a, g.input('w', [3, 1]))],
    ['expandDims: axis 4 does not exist in 3 dimensions', () => g.expandDims(a, 4)],
    ['sum takes its options as an object, got 1', () => g.sum(a, 1 as never)],
    ['mean has no option "dim"', () => g.mean(a, { dim: 1 } as never)],
    ['max takes { axes: [1], keepDims: true }, got {"axes":1}', () => g.max(a, { axes: 1 } as never)],
    ['constant of float32 was given a Float64Array', () => g.constant(new Float64Array(2), [2])],
    ['dropout rate 1 is not in [0, 1)', () => g.dropout(a, a, 1)],
    ['the graph also needs input a', () => g.encodeModel({ inputs: [], outputs: { y: g.neg(a) } })],
  ])('%s', (message, f) => {
    expect(f).toThrow(message)
  })

  test('also when a graph is loaded', async () => {
    const wrong = g.encodeModel({ outputs: { y: g.matmul(a, g.input('i', [3, 2], 'int32')) } })
    await expect(g.loadModel(wrong)).rejects.toThrow(
      /^onnx-grad: the graph cannot be loaded on cpu: Type Error: .*MatMul.* in node \(y \[2, 3\] \[3, 2\] -> \[2, 2\]\)/,
    )
    await expect(g.loadModel(wrong, { device: 'tpu' as never })).rejects.toThrow(
      'onnx-grad: the graph cannot be loaded on tpu: no available backend found',
    )
  })

  test('also at run time', async () => {
    const x = g.input('x', ['B', 3])
    const y = g.input('y', ['B', 3])
    const model = await g.loadModel(g.encodeModel({ outputs: { y2: g.neg(g.add(x, y)) } }))
    const value = (rows: number): g.Value => ({
      dtype: 'float32',
      dims: [rows, 3],
      data: new Float32Array(rows * 3),
    })
    const run = model.run({ x: value(2), y: value(4) })
    await expect(run).rejects.toThrow(/Name:'Add_0 \[B, 3\] \[B, 3\] -> \[B, 3\]'.*2 by 4/)
    await expect(run).rejects.toThrow('inputs: x float32 [2, 3], y float32 [4, 3]')
    await model.close()
  })
})
