import { readFileSync } from 'node:fs'

export const goldenFolder: URL = new URL('../../../fixtures/golden/pointer-model/', import.meta.url)

export interface GoldenTensor {
  shape: number[]
  data: Float32Array | BigInt64Array
}

export function readTensors(file: string): Map<string, GoldenTensor> {
  const bytes = readFileSync(new URL(file, goldenFolder))
  const length = Number(bytes.readBigUInt64LE(0))
  const header = JSON.parse(bytes.subarray(8, 8 + length).toString()) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >
  const tensors = new Map<string, GoldenTensor>()
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') continue
    const [from, to] = entry.data_offsets
    const copy = Uint8Array.from(bytes.subarray(8 + length + from, 8 + length + to))
    const data = entry.dtype === 'I64' ? new BigInt64Array(copy.buffer) : new Float32Array(copy.buffer)
    tensors.set(name, { shape: entry.shape, data })
  }
  return tensors
}
