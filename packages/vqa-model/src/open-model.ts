import { loadBackend, type BackendName, type BackendOptions } from './backends/index.ts'
import type { ModelProtocol, VqaModel } from './types.ts'

export type VqaModelOptions = {
  [Name in BackendName]: { backend: Name } & BackendOptions[Name]
}[BackendName]

/**
 * Opens a VQA model.
 *
 * @throws InputError when the backend, the model's folder or an option is wrong
 */
export async function openVqaModel(options: VqaModelOptions): Promise<VqaModel> {
  if (options.backend === 'scripted') return (await loadBackend('scripted'))(options)
  if (options.backend === 'openai') return (await loadBackend('openai'))(options)
  return (await loadBackend(options.backend))(options)
}

/**
 * The name and the protocol that `openVqaModel` would give, at the least cost: of an `onnx` model the files are read
 * and no session is opened, servers are asked who they are, and a script is loaded.
 *
 * @throws as `openVqaModel`, as far as it shows without running the model
 */
export async function readProtocol(options: VqaModelOptions): Promise<ModelProtocol> {
  if (options.backend === 'onnx') return (await import('./backends/onnx.ts')).readOnnxProtocol(options)
  const model = await openVqaModel(options)
  await model.close()
  const { name, protocol, protocolHash } = model
  return { name, protocol, protocolHash }
}
