import { onnx } from './onnx.ts'
import { openai } from './openai.ts'
import { scripted } from './scripted.ts'

/** The backends. A new one is a file in this folder and a line here: a command's flags follow from its `settings`. */
export const BACKENDS: {
  readonly onnx: typeof onnx
  readonly openai: typeof openai
  readonly scripted: typeof scripted
} = { onnx, openai, scripted }

export type BackendName = keyof typeof BACKENDS

export const backendNames: readonly BackendName[] = Object.keys(BACKENDS) as BackendName[]
