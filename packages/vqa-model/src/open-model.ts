import { backendOf, type VqaModelOptions } from './backends/settings.ts'
import { failMissingInputs } from './missing-inputs.ts'
import type { ModelProtocol, VqaModel } from './types.ts'

/**
 * Opens a VQA model.
 *
 * @throws InputError if the backend, the model's folder or an option is wrong
 */
export async function openVqaModel({ backend, ...options }: VqaModelOptions): Promise<VqaModel> {
  return failMissingInputs(await backendOf(backend).open(options))
}

/**
 * The name and the protocol that `openVqaModel` would give, at the least cost: of an `onnx` model the files are read
 * and no session is opened, servers are asked who they are, and a script is loaded.
 *
 * @throws as `openVqaModel`, as far as it shows without running the model
 */
export async function readProtocol({ backend, ...options }: VqaModelOptions): Promise<ModelProtocol> {
  const { open, readProtocol: read } = backendOf(backend)
  if (read !== undefined) return read(options)
  const model = await open(options)
  await model.close()
  const { name, protocol, protocolHash, needs } = model
  return { name, protocol, protocolHash, needs }
}
