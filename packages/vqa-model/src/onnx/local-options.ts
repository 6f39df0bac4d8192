import type { Protocol } from '../protocol.ts'
import type { PostprocessName } from '../postprocess.ts'
import type { TemplateName } from '../templates/index.ts'
import type { PromptTemplate } from '../templates/template.ts'
import type { FileDtypes } from './dtypes.ts'
import type { PixelOptions } from '../pixels/processor-config.ts'

/** What opens a model in one thread; plain data, so that it can be sent to a worker. */
export interface LocalModelOptions {
  /** folder in the Hub's ONNX layout, or the id of a downloaded model */
  model: string
  /** undefined for the model's default */
  template?: TemplateName | PromptTemplate | undefined
  /** system prompt in place of the template's */
  system?: string | null | undefined
  dtype: FileDtypes
  device: string
  /** threads of one ONNX Runtime session; 0 lets the size of the decoder decide */
  threads: number
  /** how many open this model side by side */
  workers: number
  maxNewTokens: number
  beams: Protocol['decoding']['beams']
  /** texts that end an answer; the template's when undefined */
  stop?: readonly string[] | undefined
  pixels?: PixelOptions | undefined
  postprocess?: PostprocessName | undefined
  metric: string
  sharing: boolean
  batchRows: number
  batchTokens: number
  kvBytes: number
  imageBytes: number
  /** budget of encoded images on disk, bytes; 0 for none */
  imageDiskBytes: number
  /** where what was found out about models, and encoded images, are kept */
  cacheFolder: string
}
