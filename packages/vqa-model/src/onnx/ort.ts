import type { Ort } from '@lever/onnx-grad/ort'

export { loadOrt, type Ort } from '@lever/onnx-grad/ort'
export type Tensor = Ort.Tensor
export type Session = Ort.InferenceSession
