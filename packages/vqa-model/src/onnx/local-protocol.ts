import { join } from 'node:path'
import { hashFile } from '@lever/durable-files'
import { getPostprocess, type Postprocess } from '../postprocess.ts'
import type { Protocol } from '../protocol.ts'
import { defaultTemplate, getTemplate, templateId } from '../templates/index.ts'
import type { PromptTemplate } from '../templates/template.ts'
import { readModelFolder, type ModelFolder } from './folder.ts'
import { readPixelFacts } from './image-encoder.ts'
import type { LocalModelOptions } from './local-options.ts'
import { loadTextCodec, type TextCodec } from './tokenizer.ts'

/** What of a model's options the protocol depends on. */
export type ProtocolOptions = Pick<
  LocalModelOptions,
  'model' | 'template' | 'system' | 'dtype' | 'maxNewTokens' | 'beams' | 'pixels' | 'postprocess' | 'metric'
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
  const template = getTemplate(options.template ?? defaultTemplate(folder.name))
  const postprocessName = options.postprocess ?? template.postprocess
  const postprocess = getPostprocess(postprocessName)
  const codec = await loadTextCodec(folder.path)
  const protocol: Protocol = {
    backend: 'onnx',
    model: folder.name,
    ...(folder.commit !== undefined && { revision: folder.commit }),
    files: await hashFiles(folder, codec.templateFile),
    template: templateId(template),
    system: options.system === undefined ? template.system : options.system,
    decoding: { maxNewTokens: options.maxNewTokens, beams: options.beams },
    pixels: readPixelFacts(folder, options.pixels),
    postprocess: postprocessName,
    metric: options.metric,
  }
  return { protocol, folder, codec, template, postprocess }
}

/** SHA-256 of everything that fixes an answer. */
async function hashFiles(
  folder: ModelFolder,
  templateFile: string | undefined,
): Promise<Record<string, string>> {
  const names = [...folder.files, ...(templateFile === undefined ? [] : [templateFile])]
  const hashes = await Promise.all(names.map((name) => hashFile(join(folder.path, name))))
  return Object.fromEntries(names.map((name, i) => [name, hashes[i]!]))
}
