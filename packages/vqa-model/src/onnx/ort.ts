import type * as Ort from 'onnxruntime-node'

export type { Ort }
export type Tensor = Ort.Tensor
export type Session = Ort.InferenceSession

/** ONNX Runtime, imported on first use, with its telemetry off. */
export async function loadOrt(): Promise<typeof Ort> {
  process.env['ORT_DISABLE_TELEMETRY'] = '1'
  return import('onnxruntime-node')
}
