import { InputError } from '@lever/durable-files'

/** How the models of one `model_type` place images in a prompt. */
export interface ModelFamily {
  modelType: string
  /** `mrope`: three position ids per token, an image is a grid in time, height and width; `sequence`: 0, 1, 2, ... */
  positions: 'mrope' | 'sequence'
  /** `grid`: one block of visual tokens, as in Qwen2-VL; `tiles`: the image is cut into tiles of a fixed size, each with
   * a token before it that names its row and column, and a small picture of the whole, as in Idefics3; `whole`: every image
   * in one size, as many visual tokens as the encoder gives, as in LLaVA; `none`: a text model */
  images: 'grid' | 'tiles' | 'whole' | 'none'
}

const qwen = { positions: 'mrope', images: 'grid' } as const
const text = { positions: 'sequence', images: 'none' } as const
const idefics = { positions: 'sequence', images: 'tiles' } as const
const llava = { positions: 'sequence', images: 'whole' } as const

/**
 * The model types that the `onnx` backend runs. What differs inside a type (the name of the grid
 * input, where the text fields stand in config.json) is read from the files.
 */
const TABLE = new Map<string, ModelFamily>(
  Object.entries({
    qwen2_vl: qwen,
    qwen2_5_vl: qwen,
    qwen3_vl: qwen,
    idefics3: idefics,
    smolvlm: idefics,
    llava,
    llava_onevision: llava,
    llama: text,
    qwen2: text,
    qwen3: text,
    gemma3_text: text,
    smollm3: text,
  }).map(([modelType, family]) => [modelType, { modelType, ...family }]),
)

const RUNNING_STATE =
  'some of its layers keep a running state of the prompt, which can be neither padded nor cut'

/** Models of the Hub that are left out, and why. */
const REFUSED = new Map([
  [
    'gemma3',
    'in its decoder the tokens of an image see each other, and a decoder of this layout is not told which they are',
  ],
  [
    'paligemma',
    'all tokens of its prompt see each other, so that nothing can be shared, and it was made for one image',
  ],
  ['florence2', 'it is an encoder and a decoder for one image and one task, without examples'],
  ['internvl', 'transformers.js has no class for it, so that there is no layout of its files to follow'],
  ['qwen3_5', RUNNING_STATE],
  ['qwen3_5_moe', RUNNING_STATE],
  ['lfm2_vl', RUNNING_STATE],
])

export const familyNames: readonly string[] = [...TABLE.keys()]

/** @throws InputError for a model type that is not in the table */
export function getFamily(modelType: string, folder: string): ModelFamily {
  const family = TABLE.get(modelType)
  if (family !== undefined) return family
  const reason = REFUSED.get(modelType)
  const why = reason === undefined ? '' : `, which is left out: ${reason}`
  throw new InputError(
    `vqa-model: ${folder}/config.json says model_type "${modelType}"${why}; the onnx backend runs ${familyNames.join(', ')}`,
  )
}
