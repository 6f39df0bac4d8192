import { refuseUnknownNames } from '@lever/durable-files/known-options'

import { backendOf, type VqaModelOptions } from './backends/settings.ts'
import { failMissingInputs } from './missing-inputs.ts'
import type { ModelProtocol, VqaModel } from './types.ts'

/**
 * Opens a VQA model.
 *
 * @throws InputError if the backend, the model's folder or an option is wrong
 */
export async function openVqaModel(options: VqaModelOptions): Promise<VqaModel> {
  const { backend, own } = checked(options)
  return failMissingInputs(await backend.open(own))
}

/**
 * The name and the protocol that `openVqaModel` would give, at the least cost: of an `onnx` model the files are read
 * and no session is opened, servers are asked who they are, and a script is loaded.
 *
 * @throws as `openVqaModel`, as far as it shows without running the model
 */
export async function readProtocol(options: VqaModelOptions): Promise<ModelProtocol> {
  const { backend, own } = checked(options)
  if (backend.readProtocol !== undefined) return backend.readProtocol(own)
  const model = await backend.open(own)
  await model.close()
  const { name, protocol, protocolHash, needs } = model
  return { name, protocol, protocolHash, needs }
}

/** @throws InputError for an unknown backend, and for an option that it does not have */
function checked({ backend: name, ...own }: VqaModelOptions): {
  backend: ReturnType<typeof backendOf>
  own: object
} {
  const backend = backendOf(name)
  refuseUnknownNames(own, Object.keys(backend.optionNames), `vqa-model: backend ${name}`)
  return { backend, own }
}
