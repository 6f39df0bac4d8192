import { describe, expect, test } from '@jest/globals'
import { readFileSync, readdirSync } from 'node:fs'
import * as g from '@lever/onnx-grad'
import type { DType, Tensor, Value } from '@lever/onnx-grad'
import {
  ARCHITECTURE_NAMES,
  architectureOf,
  resolveConfig,
  sequenceLogits,
  stepLogProbs,
} from '../src/index.ts'
import type { ArchitectureName, ModelSettings } from '../src/index.ts'

interface Plain {
  shape: number[]
  values: number[]
}

interface Formula {
  architecture: ArchitectureName
  config: ModelSettings
  weights: Record<string, Plain>
  query: Plain
  candidates: Plain
  valid: number[][]
  pointers: number[][][]
  coefficients: Plain
  log_probs: Plain
  gradients: Record<string, Plain>
}

const folder = new URL('../../../fixtures/golden/pointer-architectures/', import.meta.url)
const files = readdirSync(folder).filter((name) => name.endsWith('.json'))

const relativeError = (found: ArrayLike<number>, expected: readonly number[]): number => {
  const difference = Math.hypot(...expected.map((x, i) => x - Number(found[i])))
  return difference / Math.max(1e-3, Math.hypot(...expected))
}

test('every architecture has golden vectors', () => {
  expect(files.map((name) => name.replace('.json', '')).sort()).toEqual([...ARCHITECTURE_NAMES].sort())
})

describe.each(files)('%s: the formulas in PyTorch', (file) => {
  const golden = JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as Formula
  const dtype: DType = golden.architecture.startsWith('mlp-') ? 'float32' : 'float64'
  const tolerance = dtype === 'float32' ? 2e-5 : 1e-7
  const typed = (values: readonly number[]): Float32Array | Float64Array =>
    dtype === 'float32' ? Float32Array.from(values) : Float64Array.from(values)
  const fixed = ({ shape, values }: Plain): Tensor => g.constant(typed(values), shape, dtype)
  const valueOf = ({ shape, values }: Plain): Value => ({ dtype, dims: shape, data: typed(values) })

  test('log-probabilities and gradients', async () => {
    const architecture = architectureOf(golden.architecture)
    const config = resolveConfig(golden.architecture, golden.config)
    const specs = architecture.parameters(config)
    expect(specs.map(({ name, shape }) => [name, [...shape]]).sort()).toEqual(
      Object.entries(golden.weights)
        .map(([name, { shape }]) => [name, shape])
        .sort(),
    )
    const weights = new Map(specs.map(({ name, shape }) => [name, g.input(name, shape, dtype)]))
    const logProbs = stepLogProbs(
      sequenceLogits(
        { architecture, config, parameter: (name) => weights.get(name)! },
        {
          query: fixed(golden.query),
          candidates: fixed(golden.candidates),
          valid: g.constant(golden.valid.flat(), [golden.valid.length, golden.valid[0]!.length], 'bool'),
          pointers: g.constant(golden.pointers.flat(2), golden.log_probs.shape, 'int32'),
        },
      ),
    )
    const loss = g.sum(g.mul(logProbs, fixed(golden.coefficients)))
    const found = g.gradients(loss, [...weights.values()])
    const outputs = Object.fromEntries([...weights.keys()].map((name, i) => [`gradient.${name}`, found[i]!]))
    const model = await g.loadModel(
      g.encodeModel({ inputs: [...weights.values()], outputs: { logProbs, ...outputs } }),
    )
    const result = await model.run(
      Object.fromEntries(Object.entries(golden.weights).map(([name, plain]) => [name, valueOf(plain)])),
    )
    await model.close()
    expect(relativeError(result['logProbs']!.data as Float64Array, golden.log_probs.values)).toBeLessThan(
      tolerance,
    )
    for (const [name, { values }] of Object.entries(golden.gradients)) {
      const error = relativeError(result[`gradient.${name}`]!.data as Float64Array, values)
      expect([name, error < tolerance ? 'close' : error]).toEqual([name, 'close'])
    }
  })
})
