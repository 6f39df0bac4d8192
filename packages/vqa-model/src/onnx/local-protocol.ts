import { join } from 'node:path'
import { InputError } from '@lever/durable-files'
import { getPostprocess, type Postprocess } from '../postprocess.ts'
import type { Protocol } from '../protocol.ts'
import { showsImages } from '../prompt/needs.ts'
import { defaultTemplate, getTemplate, templateId } from '../templates/index.ts'
import type { PromptTemplate } from '../templates/template.ts'
import { modelFileHash } from './file-hash.ts'
import { readModelFolder, type ModelFolder } from './folder.ts'
import { readPixelFacts } from './image-encoder.ts'
import type { LocalModelOptions } from './local-options.ts'
import { loadTextCodec, type TextCodec } from './tokenizer.ts'

/** What of a model's options the protocol depends on. */
export type ProtocolOptions = Pick<
  LocalModelOptions,
  | 'model'
  | 'template'
  | 'system'
  | 'dtype'
  | 'maxNewTokens'
  | 'beams'
  | 'stop'
  | 'pixels'
  | 'postprocess'
  | 'metric'
  | 'cacheFolder'
>

/** A model's protocol, and what it was made of. */
export interface LocalProtocol {
  readonly protocol: Protocol
  readonly folder: ModelFolder
  readonly codec: TextCodec
  readonly template: PromptTemplate
  readonly postprocess: Postprocess
}

/**
 * Reads the files of a model; opens no session.
 *
 * @throws InputError if the folder, its files or an option is wrong
 */
export async function readLocalProtocol(options: ProtocolOptions): Promise<LocalProtocol> {
  const folder = await readModelFolder(options.model, options.dtype)
  const takesImages = folder.family.images !== 'none'
  const template = getTemplate(options.template ?? defaultTemplate(folder.name, takesImages))
  requireSuited(folder, template)
  const stop = readStops(options, template)
  const postprocessName = options.postprocess ?? template.postprocess
  const postprocess = getPostprocess(postprocessName)
  const codec = await loadTextCodec(folder.path, !takesImages)
  const protocol: Protocol = {
    backend: 'onnx',
    model: folder.name,
    ...(folder.commit !== undefined && { revision: folder.commit }),
    files: await hashModelFiles(folder, options.cacheFolder, codec.templateFile),
    template: templateId(template),
    system: options.system === undefined ? template.system : options.system,
    decoding: { maxNewTokens: options.maxNewTokens, beams: options.beams, ...(stop.length > 0 && { stop }) },
    pixels: takesImages ? readPixelFacts(folder, options.pixels) : { min: 0, max: 0 },
    postprocess: postprocessName,
    metric: options.metric,
  }
  return { protocol, folder, codec, template, postprocess }
}

function requireSuited({ family, path }: ModelFolder, template: PromptTemplate): void {
  if (family.images !== 'none' || !showsImages(template)) return
  throw new InputError(
    `vqa-model: the prompt template ${template.name} shows images, and ${path} is a text model (${family.modelType}); use the template caption, or one with "images": false`,
  )
}

/** @throws InputError for stops with beam search, whose beams would have to end together */
function readStops(
  { stop, beams }: Pick<ProtocolOptions, 'stop' | 'beams'>,
  template: PromptTemplate,
): readonly string[] {
  const stops = stop ?? template.stop ?? []
  if (stops.includes('')) throw new InputError('vqa-model: a stop text is empty; leave it out')
  if (stops.length > 0 && beams > 1) {
    throw new InputError(
      `vqa-model: beam search does not end at texts (${stops.map((text) => JSON.stringify(text)).join(', ')}); decode greedily (beams 1)`,
    )
  }
  return stops
}

/** SHA-256 of everything that fixes an answer. */
export async function hashModelFiles(
  { path, files }: Pick<ModelFolder, 'path' | 'files'>,
  cacheFolder: string,
  templateFile?: string,
): Promise<Record<string, string>> {
  const names = [...files, ...(templateFile === undefined ? [] : [templateFile])]
  const hashes = await Promise.all(names.map((name) => modelFileHash(join(path, name), cacheFolder)))
  return Object.fromEntries(names.map((name, i) => [name, hashes[i]!]))
}
