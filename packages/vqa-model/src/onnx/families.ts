import { InputError } from '@lever/durable-files'

/** How the models of one `model_type` place images in a prompt. */
export interface ModelFamily {
  modelType: string
  /** `mrope`: three position ids per token, an image is a grid in time, height and width */
  positions: 'mrope'
  /** class of transformers.js that prepares pixels */
  imageProcessor: string
}

/**
 * The model types that the `onnx` backend runs. What differs inside a type (the name of the grid
 * input, where the text fields stand in config.json) is read from the files.
 */
const TABLE = new Map<string, ModelFamily>(
  ['qwen2_vl', 'qwen2_5_vl'].map((modelType) => [
    modelType,
    { modelType, positions: 'mrope', imageProcessor: 'Qwen2VLImageProcessor' },
  ]),
)

export const familyNames: readonly string[] = [...TABLE.keys()]

/** @throws InputError for a model type that is not in the table */
export function getFamily(modelType: string, folder: string): ModelFamily {
  const family = TABLE.get(modelType)
  if (family !== undefined) return family
  throw new InputError(
    `vqa-model: ${folder}/config.json says model_type "${modelType}"; the onnx backend runs ${familyNames.join(', ')}`,
  )
}
