import { describe, expect, test } from '@jest/globals'
import * as g from '../src/index.ts'
import type { Tensor } from '../src/index.ts'
import { topologicalOrder } from '../src/gradients.ts'
import { cudaKernels, operatorsOf } from './support/cuda.ts'
import { operatorCases } from './support/operators.ts'

/** Nodes for which the CUDA provider has no kernel: "Op of type". */
function missing(outputs: readonly Tensor[]): string[] {
  return topologicalOrder(outputs)
    .filter(({ op }) => op !== 'Input' && op !== 'Constant')
    .filter(
      ({ op, inputs }) => !cudaKernels.get(op)?.includes((op === 'Where' ? inputs[1]! : inputs[0]!).dtype),
    )
    .map(({ op, inputs }) => `${op} of ${inputs[0]!.dtype}`)
}

describe('every operator has a CUDA kernel', () => {
  test.each(Object.entries(operatorCases))('%s and its gradient', (_name, { f, shapes }) => {
    const inputs = shapes[0]!.map((shape, i) => g.input(`x${i}`, shape))
    const output = f(...inputs)
    const found = g.gradients(g.sum(g.exp(output)), inputs)
    expect(missing([output, ...found])).toEqual([])
  })

  test('training', () => {
    const parameters = new Map([
      ['table', { shape: [9000, 2] }],
      ['w', { shape: [2, 6] }],
      ['norm', { shape: [3] }],
      ['fixed', { shape: [3] }],
    ])
    const program: g.TrainingProgram = {
      layout: g.layoutParameters(parameters, { freeze: ['fixed'], decays: (name) => name !== 'norm' }),
      stepInputs: { row: { shape: [4], dtype: 'int32' }, mask: { shape: [4, 2], dtype: 'uint8' } },
      sharedInputs: { wanted: { shape: [4] } },
      clipNorm: 1,
      loss: (p, inputs) => {
        const x = g.dropout(g.gather(p('table'), inputs('row')), inputs('mask'), 0.5)
        const half = (i: number): Tensor => g.slice(p('w'), 1, 3 * i, 3 * i + 3)
        const y = g.layerNorm(
          g.gelu(g.add(g.matmul(x, half(0)), g.matmul(x, half(1)))),
          p('norm'),
          p('fixed'),
        )
        const error = g.sub(g.sum(y, { axes: [1] }), inputs('wanted'))
        return { loss: g.mean(g.square(error)), metrics: { worst: g.max(error) } }
      },
    }
    for (const encode of [g.encodeTrainingLoop, g.encodeTrainingStep]) {
      const found = operatorsOf(encode(program))
      expect([...found].filter((op) => !cudaKernels.has(op))).toEqual([])
      expect(found.has('Loop')).toBe(encode === g.encodeTrainingLoop)
      expect([...found]).toEqual(expect.arrayContaining(['Gemm', 'Sqrt', 'LayerNormalization']))
    }
  })
})
