import { describe, expect, test } from '@jest/globals'
import * as g from '../src/index.ts'
import type { ParameterNodes, Tensor } from '../src/index.ts'
import { gradientError, numbers } from './support/gradient-error.ts'

const [vocabulary, width, heads, inner] = [5, 8, 2, 6]
const half = width / heads / 2

const shapes: Readonly<Record<string, readonly number[]>> = {
  embedding: [vocabulary, width],
  norm: [width],
  qkv: [width, 3 * width],
  out: [width, width],
  gate: [width, inner],
  up: [width, inner],
  down: [inner, width],
}

/** Next-token logits [B, T, V] of a causal transformer with one layer: RMSNorm, rotary positions, SwiGLU. */
function transformer(p: ParameterNodes, tokens: Tensor, angles: Tensor, bias: Tensor): Tensor {
  const [batch, length] = tokens.shape as [g.Dim, g.Dim]
  const x = g.gather(p('embedding'), tokens)
  const byHead = (t: Tensor): Tensor =>
    g.transpose(g.reshape(t, [batch, length, heads, width / heads]), [0, 2, 1, 3])
  const qkv = g.matmul(g.rmsNorm(x, p('norm')), p('qkv'))
  const [q, k, v] = [0, 1, 2].map((i) => byHead(g.slice(qkv, 2, i * width, (i + 1) * width))) as [
    Tensor,
    Tensor,
    Tensor,
  ]
  const scores = g.matmul(rotate(q, angles), g.transposeLast(rotate(k, angles)))
  const weights = g.softmax(g.add(g.mul(scores, 1 / Math.sqrt(width / heads)), bias))
  const seen = g.reshape(g.transpose(g.matmul(weights, v), [0, 2, 1, 3]), [batch, length, width])
  const y = g.add(x, g.matmul(seen, p('out')))
  const z = g.rmsNorm(y, p('norm'))
  const gate = g.matmul(z, p('gate'))
  const swiglu = g.mul(g.mul(gate, g.sigmoid(gate)), g.matmul(z, p('up')))
  return g.matmul(g.add(y, g.matmul(swiglu, p('down'))), g.transposeLast(p('embedding')))
}

function rotate(x: Tensor, angles: Tensor): Tensor {
  const [a, b] = [g.slice(x, 3, 0, half), g.slice(x, 3, half, 2 * half)]
  const [cos, sin] = [g.cos(angles), g.sin(angles)]
  return g.concat([g.sub(g.mul(a, cos), g.mul(b, sin)), g.add(g.mul(a, sin), g.mul(b, cos))], 3)
}

const anglesOf = (length: number): number[] =>
  Array.from({ length: length * half }, (_, i) => Math.floor(i / half) / 10 ** (i % half))
const biasOf = (length: number): number[] =>
  Array.from({ length: length * length }, (_, i) => (i % length > Math.floor(i / length) ? -1e9 : 0))

describe('a small causal transformer', () => {
  test('its gradients agree with finite differences', async () => {
    const names = Object.keys(shapes)
    const tokens = g.constant([0, 3, 1, 4, 2, 2], [2, 3], 'int64')
    const f = (...values: Tensor[]): Tensor => {
      const p: ParameterNodes = (name) => values[names.indexOf(name)]!
      const angles = g.constant(anglesOf(3), [3, half], 'float64')
      return g.logSoftmax(transformer(p, tokens, angles, g.constant(biasOf(3), [3, 3], 'float64')))
    }
    expect(await gradientError(Object.values(shapes), f, { step: 1e-6 })).toBeLessThan(1e-6)
  })

  test('its inference file takes any batch and length, and no later token changes an earlier one', async () => {
    const parameters = new Map(
      Object.entries(shapes).map(([name, shape], i) => {
        const size = shape.reduce((a, b) => a * b)
        return [name, { shape, values: Float32Array.from(numbers(size, i)) }]
      }),
    )
    const tokens = g.input('tokens', ['batch', 'length'], 'int64')
    const angles = g.input('angles', ['length', half])
    const bias = g.input('bias', ['length', 'length'])
    const logits = transformer(g.parameterConstants(parameters), tokens, angles, bias)
    const model = await g.loadModel(g.encodeModel({ inputs: [tokens, angles, bias], outputs: { logits } }))
    const run = async (rows: readonly (readonly number[])[]): Promise<g.Value> => {
      const length = rows[0]?.length ?? 2
      const result = await model.run({
        tokens: {
          dtype: 'int64',
          dims: [rows.length, length],
          data: BigInt64Array.from(rows.flat(), BigInt),
        },
        angles: { dtype: 'float32', dims: [length, half], data: Float32Array.from(anglesOf(length)) },
        bias: { dtype: 'float32', dims: [length, length], data: Float32Array.from(biasOf(length)) },
      })
      return result['logits']!
    }
    const both = await run([
      [0, 3, 1, 4],
      [2, 2, 0, 1],
    ])
    expect(both.dims).toEqual([2, 4, vocabulary])
    const short = await run([[2, 2, 0]])
    expect(short.dims).toEqual([1, 3, vocabulary])
    const [from, size] = [4 * vocabulary, 3 * vocabulary]
    Array.from(short.data as Float32Array).forEach((x, i) =>
      expect(Number(both.data[from + i])).toBeCloseTo(x, 5),
    )
    expect(short.data).toHaveLength(size)
    expect((await run([])).dims).toEqual([0, 2, vocabulary])
    await model.close()
  })
})
