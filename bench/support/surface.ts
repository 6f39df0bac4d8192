import { createRandom } from '@lever/reward-utils'
import { writeSafetensors } from '@lever/tensor-files'

/** Dimensions in which rows vary: embeddings of images and texts lie near a surface of few dimensions. */
const INTRINSIC = 48
const CENTRES = 2000

/** An embedding file of rows with the ids 0, 1, 2, ... */
export async function writeLibrary(path: string, data: Float32Array, dim: number): Promise<void> {
  const rows = data.length / dim
  const ids = BigInt64Array.from({ length: rows }, (_, row) => BigInt(row))
  await writeSafetensors(path, {
    tensors: new Map([
      ['embeddings', { dtype: 'F32', shape: [rows, dim], data }],
      ['ids', { dtype: 'I64', shape: [rows], data: ids }],
    ]),
  })
}

/** Rows of length 1 around centres on a surface of INTRINSIC dimensions, with noise in all D. */
export function surface(dim: number): (rows: number, seed: string) => Float32Array {
  const random = createRandom('surface')
  const basis = Float32Array.from({ length: INTRINSIC * dim }, () => random.normal())
  const centres = Float32Array.from({ length: CENTRES * INTRINSIC }, () => random.normal())
  return (rows, seed) => {
    const own = createRandom(seed)
    const out = new Float32Array(rows * dim)
    for (let row = 0; row < rows; row++) {
      const at = own.int(CENTRES) * INTRINSIC
      const values = out.subarray(row * dim, (row + 1) * dim)
      for (let d = 0; d < dim; d++) values[d] = 0.35 * (own.next() - 0.5)
      for (let i = 0; i < INTRINSIC; i++) {
        const weight = 0.3 * (centres[at + i]! + 0.6 * own.normal())
        for (let d = 0; d < dim; d++) values[d]! += weight * basis[i * dim + d]!
      }
      let sum = 0
      for (const value of values) sum += value * value
      const scale = 1 / Math.sqrt(sum)
      for (let d = 0; d < dim; d++) values[d]! *= scale
    }
    return out
  }
}
