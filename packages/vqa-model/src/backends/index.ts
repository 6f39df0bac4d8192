import { InputError } from '@lever/durable-files'
import type { VqaModel } from '../types.ts'
import type { OnnxOptions } from './onnx.ts'
import type { OpenaiOptions } from './openai.ts'
import type { ScriptedOptions } from './scripted.ts'

/** Options of every backend, by its name. */
export interface BackendOptions {
  onnx: OnnxOptions
  openai: OpenaiOptions
  scripted: ScriptedOptions
}

export type BackendName = keyof BackendOptions

type Open<Options> = (options: Options) => Promise<VqaModel>

/** The backends. A new one is one file, one line in `BackendOptions` and one line here. */
const TABLE: { [Name in BackendName]: () => Promise<Open<BackendOptions[Name]>> } = {
  onnx: async () => (await import('./onnx.ts')).openOnnxModel,
  openai: async () => (await import('./openai.ts')).openOpenaiModel,
  scripted: async () => (await import('./scripted.ts')).openScriptedModel,
}

export const backendNames: readonly BackendName[] = Object.keys(TABLE) as BackendName[]

/**
 * The function that opens a model of a backend; its libraries are loaded now, not before.
 *
 * @throws InputError for an unknown name
 */
export async function loadBackend<Name extends BackendName>(name: Name): Promise<Open<BackendOptions[Name]>> {
  if (!Object.hasOwn(TABLE, name)) {
    throw new InputError(`vqa-model: unknown backend "${name}"; choose one of ${backendNames.join(', ')}`)
  }
  return TABLE[name]()
}
