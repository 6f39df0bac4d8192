import { encodeModel, gradients, input, loadModel, mul, sum } from '../../src/index.ts'
import type { DType, Tensor, Value } from '../../src/index.ts'

/** Random numbers that are the same every time (mulberry32). */
export function numbers(count: number, seed: number, scale = 1): Float64Array {
  let state = seed
  return Float64Array.from({ length: count }, () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return scale * (2 * (((t ^ (t >>> 14)) >>> 0) / 4294967296) - 1)
  })
}

/**
 * Compares the gradient of sum(f(x...) * weights) with central differences.
 * @returns the largest error relative to the largest gradient of each input
 */
export async function gradientError(
  shapes: readonly (readonly number[])[],
  f: (...inputs: Tensor[]) => Tensor,
  { dtype = 'float64', step = 1e-5, shift = 0 }: { dtype?: DType; step?: number; shift?: number } = {},
): Promise<number> {
  const sizes = shapes.map((shape) => shape.reduce((a, b) => a * b, 1))
  const inputs = shapes.map((shape, i) => input(`x${i}`, shape, dtype))
  const result = f(...inputs)
  const weights = input('weights', result.shape, dtype)
  const loss = sum(mul(result, weights))
  const found = gradients(loss, inputs)
  const outputs = Object.fromEntries(found.map((gradient, i) => [`g${i}`, gradient]))
  const model = await loadModel(encodeModel({ inputs: [...inputs, weights], outputs: { loss, ...outputs } }))
  const typed = (values: Float64Array): Float64Array | Float32Array =>
    dtype === 'float64' ? values : Float32Array.from(values)
  const values = sizes.map((size, i) => numbers(size, 11 + i).map((x) => x + shift))
  const resultSize = result.shape.reduce<number>((a, b) => a * Number(b), 1)
  const feeds = (at: readonly Float64Array[]): Record<string, Value> => ({
    ...Object.fromEntries(at.map((data, i) => [`x${i}`, { dtype, dims: shapes[i]!, data: typed(data) }])),
    weights: { dtype, dims: result.shape.map(Number), data: typed(numbers(resultSize, 99)) },
  })
  const analytic = await model.run(feeds(values))
  let worst = 0
  for (const [i, size] of sizes.entries()) {
    const gradient = analytic[`g${i}`]!.data as Float64Array
    const scale = Math.max(1e-3, ...Array.from(gradient, Math.abs))
    for (let j = 0; j < size; j++) {
      const lossAt = async (delta: number): Promise<number> => {
        const moved = values.map((v) => Float64Array.from(v))
        moved[i]![j]! += delta
        return (await model.run(feeds(moved), ['loss']))['loss']!.data[0] as number
      }
      const numeric = ((await lossAt(step)) - (await lossAt(-step))) / (2 * step)
      worst = Math.max(worst, Math.abs(numeric - gradient[j]!) / scale)
    }
  }
  await model.close()
  return worst
}
