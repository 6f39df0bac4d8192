import { readFileSync } from 'node:fs'
import { decodeSafetensors } from '@lever/tensor-files'

export const goldenFolder: URL = new URL('../../../fixtures/golden/pointer-model/', import.meta.url)

export interface GoldenTensor {
  shape: readonly number[]
  data: Float32Array | BigInt64Array
}

export function readTensors(file: string): Map<string, GoldenTensor> {
  const { tensors } = decodeSafetensors(readFileSync(new URL(file, goldenFolder)), file)
  return tensors as Map<string, GoldenTensor>
}
