import { performance } from 'node:perf_hooks'
import * as g from '@lever/onnx-grad'
import type { Tensor } from '@lever/onnx-grad'

/** Floating-point operations of the matrix products that outputs depend on. */
export function productFlops(outputs: readonly Tensor[]): number {
  const seen = new Set<Tensor>()
  const stack = [...outputs]
  let flops = 0
  while (stack.length > 0) {
    const node = stack.pop()!
    if (seen.has(node)) continue
    seen.add(node)
    stack.push(...node.inputs)
    const [a] = node.inputs
    if (node.op === 'MatMul') flops += 2 * sizeOf(node.shape) * Number(a!.shape.at(-1))
    if (node.op === 'Gemm') {
      flops += 2 * sizeOf(node.shape) * Number(a!.shape[node.attributes['transA'] === 1 ? 0 : 1])
    }
  }
  return flops
}

/** Bytes a second, read and written, of copies of 16 MB. */
export function copyRate(): number {
  const [from, to] = [new Float32Array(4e6).fill(1), new Float32Array(4e6)]
  const times = Array.from({ length: 12 }, () => {
    const start = process.cpuUsage()
    to.set(from)
    const { user, system } = process.cpuUsage(start)
    return (user + system) / 1e6
  })
  return (2 * from.byteLength) / Math.min(...times)
}

const [D, H] = [768, 256]

/** Floating-point operations a second of large products, [2048, 768] by [768, 256] and back. */
export async function sgemmRate(threads: number): Promise<number> {
  const x = g.input('x', [2048, D])
  const there = g.input('there', [D, H])
  const back = g.input('back', [H, D])
  let y = x
  for (let i = 0; i < 4; i++) y = g.matmul(g.matmul(y, there), back)
  const model = await g.loadModel(g.encodeModel({ inputs: [x, there, back], outputs: { y: g.sum(y) } }), {
    threads,
  })
  const value = (rows: number, columns: number): g.Value => ({
    dtype: 'float32',
    dims: [rows, columns],
    data: new Float32Array(rows * columns).fill(0.001),
  })
  const feeds = { x: value(2048, D), there: value(D, H), back: value(H, D) }
  const rates: number[] = []
  for (let i = 0; i < 8; i++) {
    const start = performance.now()
    const cpu = process.cpuUsage()
    await model.run(feeds)
    const used = process.cpuUsage(cpu)
    const seconds = threads === 1 ? (used.user + used.system) / 1e6 : (performance.now() - start) / 1000
    rates.push((8 * 2 * 2048 * D * H) / seconds)
  }
  await model.close()
  return Math.max(...rates)
}

/** Number of elements. */
export const sizeOf = (shape: g.Shape): number => shape.reduce<number>((a, b) => a * Number(b), 1)
