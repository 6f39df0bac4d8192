import type { EncodedImage } from '../onnx/images.ts'
import type { LocalModelOptions } from '../onnx/local-options.ts'
import type { DecoderAbilities } from '../onnx/probe-decoder.ts'
import type { Protocol } from '../protocol.ts'
import type { Answer, Needs, Prompt, VqaModelStats } from '../types.ts'

export interface WorkerStart {
  options: LocalModelOptions
}

export type NamedImage = [path: string, key: string, image: EncodedImage]

/** What the pool asks of a worker, and what it gets back. */
export interface Requests {
  open: {
    ask: object
    reply: { name: string; protocol: Protocol; abilities: DecoderAbilities; needs: Needs }
  }
  /** stop: one number in shared memory, not 0 when the work is to stop */
  images: { ask: { paths: string[]; stop: Int32Array }; reply: (EncodedImage | undefined)[] }
  answer: {
    ask: { prompts: readonly Prompt[]; images: NamedImage[]; stop: Int32Array; scoresOnly: boolean }
    reply: Answer[]
  }
  close: { ask: object; reply: undefined }
}

export type RequestName = keyof Requests

export type Ask = { [Name in RequestName]: { id: number; name: Name } & Requests[Name]['ask'] }[RequestName]

/** An error as plain data; `input` where it was an InputError. */
export interface PlainError {
  message: string
  stack: string | undefined
  input: boolean
  stopped: boolean
}

export type Reply =
  | { id: number; progress: number }
  | { id: number; value: unknown; stats: VqaModelStats | undefined }
  | { id: number; error: PlainError; stats: VqaModelStats | undefined }
