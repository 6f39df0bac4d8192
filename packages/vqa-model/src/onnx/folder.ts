import { readdir, readFile, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { InputError } from '@lever/durable-files'
import { show } from '../show.ts'
import { getFamily, type ModelFamily } from './families.ts'

export const SESSION_NAMES = ['embed_tokens', 'vision_encoder', 'decoder_model_merged'] as const

export type SessionName = (typeof SESSION_NAMES)[number]

/** A dtype of the Hub's file names (`fp32`, `fp16`, `q4`, ...), for all files or per file. */
export type Dtypes = string | Partial<Record<SessionName, string>>

/** What a model's folder says, before anything heavy is loaded. */
export interface ModelFolder {
  path: string
  name: string
  family: ModelFamily
  imageTokenId: number
  mergeSize: number
  width: number
  layers: number
  kvHeads: number
  headDim: number
  /** most tokens of a prompt with its answer; Infinity when the files do not say */
  contextLength: number
  eosTokenIds: ReadonlySet<number>
  preprocessor: Record<string, unknown>
  /** absolute paths of the ONNX files */
  sessions: Record<SessionName, string>
  /** paths relative to the folder, of everything that fixes an answer */
  files: readonly string[]
}

type Json = Record<string, unknown>

/**
 * Reads the JSON files of a folder in the Hub's ONNX layout.
 *
 * @throws InputError naming what is missing or wrong and what to do
 */
export async function readModelFolder(model: string, dtype: Dtypes = 'fp32'): Promise<ModelFolder> {
  const path = resolve(model)
  const found = await stat(path).catch(() => undefined)
  if (found?.isDirectory() !== true) {
    throw new InputError(
      `vqa-model: there is no model folder ${path}; give a folder in the Hub's ONNX layout, or download one with ` +
        `"hf download <id> --local-dir <folder>"`,
    )
  }
  const config = await readJson(path, 'config.json')
  const generation = await readJson(path, 'generation_config.json')
  const preprocessor = await readJson(path, 'preprocessor_config.json')
  const family = getFamily(String(config['model_type']), path)
  const text = isObject(config['text_config']) ? { ...config, ...config['text_config'] } : config
  const number = (from: Json, key: string): number => {
    const value = from[key]
    if (typeof value === 'number') return value
    throw new InputError(`vqa-model: ${path}/config.json: ${key} is ${show(value)}, not a number`)
  }
  const heads = number(text, 'num_attention_heads')
  const width = number(text, 'hidden_size')
  const vision = isObject(config['vision_config']) ? config['vision_config'] : {}
  const sessions = await findSessions(path, dtype)
  return {
    path,
    name: modelName(config, family),
    family,
    imageTokenId: number(config, 'image_token_id'),
    mergeSize: typeof vision['spatial_merge_size'] === 'number' ? vision['spatial_merge_size'] : 2,
    width,
    layers: number(text, 'num_hidden_layers'),
    kvHeads: typeof text['num_key_value_heads'] === 'number' ? text['num_key_value_heads'] : heads,
    headDim: typeof text['head_dim'] === 'number' ? text['head_dim'] : width / heads,
    contextLength:
      typeof text['max_position_embeddings'] === 'number' ? text['max_position_embeddings'] : Infinity,
    eosTokenIds: new Set(endTokens(generation['eos_token_id'] ?? config['eos_token_id'], path)),
    preprocessor,
    sessions: sessions.paths,
    files: [
      ...['config.json', 'generation_config.json', 'preprocessor_config.json'],
      ...['tokenizer.json', 'tokenizer_config.json'],
      ...sessions.files,
    ],
  }
}

function modelName(config: Json, family: ModelFamily): string {
  const name = config['_name_or_path'] ?? config['name']
  return typeof name === 'string' && name !== '' ? name : family.modelType
}

function endTokens(value: unknown, path: string): number[] {
  const list = Array.isArray(value) ? (value as unknown[]) : [value]
  if (list.length > 0 && list.every((id): id is number => typeof id === 'number')) return list
  throw new InputError(
    `vqa-model: ${path}/generation_config.json: eos_token_id is ${show(value)}; ` +
      `it must be a token id or a list of them`,
  )
}

export async function readJson(folder: string, name: string): Promise<Json> {
  const path = join(folder, name)
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new InputError(
      `vqa-model: cannot read ${path}; the folder is not a complete model of the Hub's ONNX layout`,
      {
        cause,
      },
    )
  })
  try {
    const value: unknown = JSON.parse(text)
    if (isObject(value)) return value
  } catch (cause) {
    throw new InputError(`vqa-model: ${path} is not valid JSON: ${(cause as Error).message}`, { cause })
  }
  throw new InputError(`vqa-model: ${path} is not a JSON object`)
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const SUFFIXES = new Map([
  ['fp32', ''],
  ['fp16', '_fp16'],
  ['q8', '_quantized'],
  ['int8', '_int8'],
  ['uint8', '_uint8'],
  ['q4', '_q4'],
  ['q4f16', '_q4f16'],
  ['bnb4', '_bnb4'],
])

async function findSessions(
  path: string,
  dtype: Dtypes,
): Promise<{ paths: Record<SessionName, string>; files: string[] }> {
  const folder = join(path, 'onnx')
  const names = (await readdir(folder).catch(() => [])).sort()
  const files: string[] = []
  const pick = (session: SessionName): string => {
    const wanted = typeof dtype === 'string' ? dtype : (dtype[session] ?? 'fp32')
    const suffix = SUFFIXES.get(wanted)
    if (suffix === undefined) {
      throw new InputError(
        `vqa-model: unknown dtype "${wanted}"; choose one of ${[...SUFFIXES.keys()].join(', ')}`,
      )
    }
    const file = `${session}${suffix}.onnx`
    if (!names.includes(file)) {
      const there = [...SUFFIXES]
        .filter(([, end]) => names.includes(`${session}${end}.onnx`))
        .map(([name]) => name)
      throw new InputError(
        `vqa-model: ${join(folder, file)} does not exist; ` +
          (there.length > 0 ? `dtypes that exist: ${there.join(', ')}` : 'the folder holds no such model'),
      )
    }
    files.push(
      ...names
        .filter((name) => name === file || name.startsWith(`${file}_data`))
        .map((name) => `onnx/${name}`),
    )
    return join(folder, file)
  }
  return {
    paths: {
      embed_tokens: pick('embed_tokens'),
      vision_encoder: pick('vision_encoder'),
      decoder_model_merged: pick('decoder_model_merged'),
    },
    files,
  }
}
