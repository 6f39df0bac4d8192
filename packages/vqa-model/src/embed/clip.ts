import { join } from 'node:path'
import { exists, hashFile, hashOf, InputError } from '@lever/durable-files'
import { executionProvider } from '../devices/devices.ts'
import { downloadAdvice, locateModel } from '../hub/locate.ts'
import { externalFilesOf } from '../onnx/external-files.ts'
import { readJson } from '../onnx/folder.ts'
import { prepareCrops, readClipRules } from '../pixels/crop-rules.ts'
import { readImage } from '../pixels/read-image.ts'
import { loadTransformers, type Transformers } from '../onnx/transformers.ts'
import { normalizeRows } from './normalize.ts'
import type { Embedder, EmbedderFiles, EmbedderOptions } from './types.ts'

const GRAPHS = ['onnx/text_model.onnx', 'onnx/vision_model.onnx']
const FILES = ['config.json', 'preprocessor_config.json', 'tokenizer.json', ...GRAPHS]

/**
 * CLIP by transformers.js, from a folder in the Hub's ONNX layout (Xenova/clip-vit-base-patch32
 * and the like): projected image and text embeddings, `both` is their mean.
 *
 * @throws InputError if the folder is not a CLIP model
 */
export async function openClip({ model, device = 'cpu', threads = 0 }: EmbedderOptions): Promise<Embedder> {
  const { path: folder, id } = await locateModel(model)
  const config = await readJson(folder, 'config.json')
  const dim = config['projection_dim']
  if (config['model_type'] !== 'clip' || typeof dim !== 'number') {
    throw new InputError(
      `vqa-model: ${folder}/config.json is not that of a CLIP model (model_type "clip" with a projection_dim); ` +
        `${downloadAdvice('Xenova/clip-vit-base-patch32', undefined)} and give that id as the model`,
    )
  }
  const fixing = [...FILES, ...externalFilesOf(folder, GRAPHS)]
  const hashes = await Promise.all(
    fixing.map(async (file) => [file, await hashFile(join(folder, file))] as const),
  )
  const file = 'preprocessor_config.json'
  const rules = readClipRules({ file: join(folder, file), values: await readJson(folder, file) })
  const transformers = await loadTransformers()
  const { vision, text, tokenizer } = await loadParts(transformers, folder, device, threads)

  return {
    name: typeof config['_name_or_path'] === 'string' ? config['_name_or_path'] : (id ?? 'clip'),
    dim: { image: dim, text: dim },
    both: 'average',
    hash: hashOf({ files: Object.fromEntries(hashes), pixels: rules.resampling }),
    async images(files) {
      if (files.length === 0) return new Float32Array(0)
      const images = await Promise.all(
        files.map((file) => (typeof file === 'string' ? readImage(file) : readImage(file.name, file.bytes))),
      )
      const { data, dims } = prepareCrops(images, rules)
      const pixel_values = new transformers.Tensor('float32', data, dims)
      const { image_embeds } = (await vision({ pixel_values })) as Record<string, { data: Float32Array }>
      return normalizeRows(image_embeds!.data.slice(), dim)
    },
    async texts(texts) {
      if (texts.length === 0) return new Float32Array(0)
      const inputs = tokenizer([...texts], { padding: true, truncation: true })
      const { text_embeds } = (await text(inputs)) as Record<string, { data: Float32Array }>
      return normalizeRows(text_embeds!.data.slice(), dim)
    },
    async close() {
      await Promise.all([vision.dispose(), text.dispose()])
    },
  }
}

/** Files that a tokenizer of CLIP may have besides. */
const TOKENIZER_FILES = ['tokenizer_config.json', 'special_tokens_map.json', 'vocab.json', 'merges.txt']

/** Where a CLIP model lies, and its files that the embedder reads. @throws InputError if there is none */
export async function clipFiles(model: string): Promise<EmbedderFiles> {
  const { path, id } = await locateModel(model)
  await readJson(path, 'config.json')
  const more: string[] = []
  for (const file of TOKENIZER_FILES) if (await exists(join(path, file))) more.push(file)
  return { path, id, files: [...FILES, ...externalFilesOf(path, GRAPHS), ...more] }
}

/** Whether a model, a folder or the id of a downloaded one, is a CLIP model. @throws InputError if there is none */
export async function isEmbedderModel(model: string): Promise<boolean> {
  const { path } = await locateModel(model)
  const config = await readJson(path, 'config.json')
  return config['model_type'] === 'clip'
}

interface Model {
  (inputs: unknown): Promise<unknown>
  dispose(): Promise<unknown>
}

interface Parts {
  vision: Model
  text: Model
  tokenizer: (texts: string[], options: object) => unknown
}

async function loadParts(
  { CLIPVisionModelWithProjection, CLIPTextModelWithProjection, AutoTokenizer }: typeof Transformers,
  folder: string,
  device: string,
  threads: number,
): Promise<Parts> {
  const local = { local_files_only: true }
  const options = {
    ...local,
    dtype: 'fp32',
    session_options: {
      executionProviders: [executionProvider(device)],
      ...(threads > 0 ? { intraOpNumThreads: threads } : {}),
      logSeverityLevel: 4,
    },
  } as const
  try {
    const [vision, text, tokenizer] = await Promise.all([
      CLIPVisionModelWithProjection.from_pretrained(folder, options as never),
      CLIPTextModelWithProjection.from_pretrained(folder, options as never),
      AutoTokenizer.from_pretrained(folder, local),
    ])
    return { vision, text, tokenizer }
  } catch (cause) {
    throw new InputError(`vqa-model: cannot load the CLIP model of ${folder}: ${(cause as Error).message}`, {
      cause,
    })
  }
}
