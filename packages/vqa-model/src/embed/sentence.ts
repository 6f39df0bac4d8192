import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { hashFile, hashOf, InputError } from '@lever/durable-files'
import { executionProvider } from '../devices/devices.ts'
import { locateModel } from '../hub/locate.ts'
import { externalFilesOf } from '../onnx/external-files.ts'
import { readJson } from '../onnx/folder.ts'
import { loadTransformers, type Transformers } from '../onnx/transformers.ts'
import type { Embedder, EmbedderFiles, EmbedderOptions } from './types.ts'

const GRAPH = 'onnx/model.onnx'
const FILES = ['config.json', 'tokenizer.json', 'tokenizer_config.json', GRAPH, '1_Pooling/config.json']

type Pooling = 'mean' | 'cls'

/**
 * A sentence embedder by transformers.js (`feature-extraction`), from a folder in the Hub's ONNX layout
 * (Xenova/all-MiniLM-L6-v2, Xenova/bge-small-en-v1.5 and the like). Rows are pooled as `1_Pooling/config.json` says, by
 * the mean of the tokens where it is not there, and have length 1. It embeds texts alone: what is known of an image as text
 * (`context`) takes the place of the image.
 *
 * @throws InputError if the folder is not such a model
 */
export async function openSentence({
  model,
  device = 'cpu',
  threads = 0,
}: EmbedderOptions): Promise<Embedder> {
  const { path: folder, id, files } = await sentenceFiles(model)
  const config = await readJson(folder, 'config.json')
  const dim = config['hidden_size']
  if (typeof dim !== 'number') {
    throw new InputError(
      `vqa-model: ${folder}/config.json gives no hidden_size; the embedder "sentence" needs a model of sentences such as Xenova/all-MiniLM-L6-v2`,
    )
  }
  const pooling = await readPooling(folder)
  const hashes = await Promise.all(files.map(async (file) => [file, await hashFile(join(folder, file))]))
  const extract = await openPipeline(await loadTransformers(), folder, { device, threads })
  return {
    name: typeof config['_name_or_path'] === 'string' ? config['_name_or_path'] : (id ?? 'sentence'),
    dim: { image: dim, text: dim },
    both: 'concatenate',
    imageOf: 'context',
    hash: hashOf({ files: Object.fromEntries(hashes) as Record<string, string>, pooling }),
    images(files) {
      if (files.length === 0) return Promise.resolve(new Float32Array(0))
      return Promise.reject(new Error('vqa-model: a sentence embedder takes no images'))
    },
    async texts(texts) {
      if (texts.length === 0) return new Float32Array(0)
      const { data } = await extract([...texts], { pooling, normalize: true })
      return Float32Array.from(data)
    },
    close: () => extract.dispose(),
  }
}

/** The files of a sentence embedder. @throws InputError if there is no such folder */
export async function sentenceFiles(model: string): Promise<EmbedderFiles> {
  const { path, id } = await locateModel(model)
  const there = await Promise.all(FILES.map((file) => isFile(join(path, file))))
  const files = FILES.filter((_, i) => there[i])
  return { path, id, files: [...files, ...externalFilesOf(path, files.includes(GRAPH) ? [GRAPH] : [])] }
}

interface Extract {
  (texts: string[], options: { pooling: Pooling; normalize: boolean }): Promise<{ data: ArrayLike<number> }>
  dispose(): Promise<void>
}

async function openPipeline(
  { pipeline }: typeof Transformers,
  folder: string,
  { device, threads }: { device: string; threads: number },
): Promise<Extract> {
  try {
    const made: unknown = await pipeline('feature-extraction', folder, {
      local_files_only: true,
      dtype: 'fp32',
      session_options: {
        executionProviders: [executionProvider(device)],
        ...(threads > 0 ? { intraOpNumThreads: threads } : {}),
        logSeverityLevel: 4,
      },
    } as never)
    return made as Extract
  } catch (cause) {
    throw new InputError(
      `vqa-model: cannot load the sentence embedder of ${folder}: ${(cause as Error).message}`,
      { cause },
    )
  }
}

/** @throws InputError for a pooling that is neither of the two that are known here */
async function readPooling(folder: string): Promise<Pooling> {
  const name = '1_Pooling/config.json'
  if (!(await isFile(join(folder, name)))) return 'mean'
  const said = await readJson(folder, name)
  if (said['pooling_mode_mean_tokens'] === true) return 'mean'
  if (said['pooling_mode_cls_token'] === true) return 'cls'
  throw new InputError(`vqa-model: ${join(folder, name)} pools neither by the mean nor by the first token`)
}

function isFile(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
