import { loadBackend, type BackendName, type BackendOptions } from './backends/index.ts'
import type { VqaModel } from './types.ts'

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
