import { access, constants, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { InputError } from '@lever/durable-files'
import { downloadAdvice, locateModel } from '../hub/locate.ts'
import { show } from '../show.ts'
import type { ProcessorConfig } from '../pixels/processor-config.ts'
import { externalFiles } from './external-files.ts'
import {
  dtypeNames,
  dtypeOf,
  sessionFile,
  TEXT_SESSIONS,
  VLM_SESSIONS,
  type FileDtypes,
  type SessionName,
} from './dtypes.ts'
import { getFamily, type ModelFamily } from './families.ts'

/** What a model's folder says, before anything heavy is loaded. */
export interface ModelFolder {
  path: string
  name: string
  /** commit on the Hub, where the model was asked for by a revision */
  commit?: string | undefined
  family: ModelFamily
  /** -1 where the model takes no images */
  imageTokenId: number
  /** layers of the vision encoder whose features the original model also gives to its decoder (Qwen3-VL) */
  deepstackLayers: readonly number[]
  width: number
  layers: number
  kvHeads: number
  headDim: number
  /** most tokens of a prompt with its answer; Infinity when the files do not say */
  contextLength: number
  eosTokenIds: ReadonlySet<number>
  /** empty where the model takes no images */
  preprocessor: Record<string, unknown>
  /** the file that holds it; `preprocessor_config.json` when left out */
  preprocessorFile?: string
  /** visual tokens of one tile, for families whose images are cut into tiles */
  tileTokens: number
  /** absolute paths of the ONNX files */
  sessions: Partial<Record<SessionName, string>>
  /** which of them is the decoder */
  decoder: 'decoder_model_merged' | 'model'
  /** paths relative to the folder, of each ONNX file and the data files it refers to */
  sessionFiles: Readonly<Partial<Record<SessionName, readonly string[]>>>
  /** paths relative to the folder, of everything that fixes an answer */
  files: readonly string[]
}

type Json = Record<string, unknown>

const PREPROCESSOR = 'preprocessor_config.json'
const PROCESSOR = 'processor_config.json'
const NO_PREPROCESSOR = { preprocessor: {}, preprocessorFile: undefined }

/**
 * Reads the JSON files of a folder in the Hub's ONNX layout.
 *
 * @param model the folder, or the id of a model on the Hub that was downloaded
 * @throws InputError naming what is missing or wrong and what to do
 */
export async function readModelFolder(model: string, dtype: FileDtypes = 'fp32'): Promise<ModelFolder> {
  const { path, id, commit } = await locateModel(model, dtype)
  const config = await readJson(path, 'config.json')
  const generation = await readJson(path, 'generation_config.json')
  const family = getFamily(String(config['model_type']), path)
  const takesImages = family.images !== 'none'
  const { preprocessor, preprocessorFile } = takesImages ? await readPreprocessor(path) : NO_PREPROCESSOR
  const text = isObject(config['text_config']) ? { ...config, ...config['text_config'] } : config
  const number = (from: Json, key: string): number => {
    const value = from[key]
    if (typeof value === 'number') return value
    throw new InputError(`vqa-model: ${path}/config.json: ${key} is ${show(value)}, not a number`)
  }
  const heads = number(text, 'num_attention_heads')
  const width = number(text, 'hidden_size')
  const tiled = family.images === 'tiles'
  const processor = tiled ? await readJson(path, PROCESSOR) : {}
  for (const name of ['tokenizer.json', 'tokenizer_config.json']) await requireFile(path, name)
  const names = takesImages ? VLM_SESSIONS : TEXT_SESSIONS
  const sessions = await findSessions(path, names, id === undefined ? undefined : model, dtype)
  return {
    path,
    name: modelName(config, id ?? family.modelType),
    commit,
    family,
    imageTokenId: takesImages ? number(config, imageTokenKey(config)) : -1,
    deepstackLayers: deepstackLayers(config),
    tileTokens: tiled ? tileTokens(processor, path) : 0,
    width,
    layers: number(text, 'num_hidden_layers'),
    kvHeads: typeof text['num_key_value_heads'] === 'number' ? text['num_key_value_heads'] : heads,
    headDim: typeof text['head_dim'] === 'number' ? text['head_dim'] : width / heads,
    contextLength:
      typeof text['max_position_embeddings'] === 'number' ? text['max_position_embeddings'] : Infinity,
    eosTokenIds: new Set(endTokens(generation['eos_token_id'] ?? config['eos_token_id'], path)),
    preprocessor,
    ...(preprocessorFile !== undefined && { preprocessorFile }),
    sessions: sessions.paths,
    decoder: takesImages ? 'decoder_model_merged' : 'model',
    sessionFiles: sessions.files,
    files: [
      ...['config.json', 'generation_config.json'],
      ...new Set([
        ...(preprocessorFile === undefined ? [] : [preprocessorFile]),
        ...(tiled ? [PROCESSOR] : []),
      ]),
      ...['tokenizer.json', 'tokenizer_config.json'],
      ...new Set(names.flatMap((name) => sessions.files[name]!)),
    ],
  }
}

/** The configuration of a model's image processor, for messages with the path of its file. */
export function processorConfig({
  path,
  preprocessor,
  preprocessorFile = PREPROCESSOR,
}: Pick<ModelFolder, 'path' | 'preprocessor' | 'preprocessorFile'>): ProcessorConfig {
  return { file: join(path, preprocessorFile), values: preprocessor }
}

/** Its own file; folders saved by transformers 5 keep it as `image_processor` of `processor_config.json`. */
async function readPreprocessor(path: string): Promise<{ preprocessor: Json; preprocessorFile: string }> {
  const hasOwn = await access(join(path, PREPROCESSOR)).then(
    () => true,
    () => false,
  )
  const joined = hasOwn ? {} : await readJson(path, PROCESSOR).catch(() => ({}))
  if (isObject(joined['image_processor'])) {
    return { preprocessor: joined['image_processor'], preprocessorFile: PROCESSOR }
  }
  return { preprocessor: await readJson(path, PREPROCESSOR), preprocessorFile: PREPROCESSOR }
}

/** Older configurations of LLaVA call it an index. */
function imageTokenKey(config: Json): string {
  return 'image_token_id' in config || !('image_token_index' in config)
    ? 'image_token_id'
    : 'image_token_index'
}

function modelName(config: Json, fallback: string): string {
  const name = config['_name_or_path'] ?? config['name']
  return typeof name === 'string' && name !== '' ? name : fallback
}

function deepstackLayers(config: Json): number[] {
  const vision = isObject(config['vision_config']) ? config['vision_config'] : {}
  const layers = vision['deepstack_visual_indexes']
  return Array.isArray(layers) ? layers.filter((layer): layer is number => typeof layer === 'number') : []
}

function tileTokens(processor: Json, path: string): number {
  const tokens = processor['image_seq_len']
  if (typeof tokens === 'number' && Number.isInteger(tokens) && tokens > 0) return tokens
  throw new InputError(
    `vqa-model: ${path}/processor_config.json: image_seq_len is ${show(tokens)}, not a number of tokens`,
  )
}

function endTokens(value: unknown, path: string): number[] {
  const list = Array.isArray(value) ? (value as unknown[]) : [value]
  if (list.length > 0 && list.every((id): id is number => typeof id === 'number')) return list
  throw new InputError(
    `vqa-model: ${path}/generation_config.json: eos_token_id is ${show(value)}; ` +
      `it must be a token id or a list of them`,
  )
}

function unreadable(path: string, cause: unknown): InputError {
  return new InputError(
    `vqa-model: cannot read ${path}; the folder is not a complete model of the Hub's ONNX layout`,
    { cause },
  )
}

async function requireFile(folder: string, name: string): Promise<void> {
  const path = join(folder, name)
  await access(path, constants.R_OK).catch((cause: unknown) => {
    throw unreadable(path, cause)
  })
}

export async function readJson(folder: string, name: string): Promise<Json> {
  const path = join(folder, name)
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw unreadable(path, cause)
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

async function findSessions(
  path: string,
  sessions: readonly SessionName[],
  id: string | undefined,
  dtype: FileDtypes,
): Promise<{
  paths: Partial<Record<SessionName, string>>
  files: Partial<Record<SessionName, string[]>>
}> {
  const folder = join(path, 'onnx')
  const names = (await readdir(folder).catch(() => [])).sort()
  const pick = (session: SessionName): string => {
    const file = sessionFile(session, dtypeOf(dtype, session))
    if (names.includes(file)) return file
    const there = dtypeNames.filter((name) => names.includes(sessionFile(session, name)))
    const remedies = [
      ...(there.length > 0 ? [`dtypes of ${session} that exist: ${there.join(', ')}`] : []),
      ...(id === undefined ? [] : [downloadAdvice(id, dtype)]),
    ]
    throw new InputError(
      `vqa-model: ${join(folder, file)} does not exist; ${remedies.join('; ') || 'the folder holds no such model'}`,
    )
  }
  const graphs = sessions.map((session) => [session, pick(session)] as const)
  const paths = graphs.map(([session, file]) => [session, join(folder, file)] as const)
  const files = graphs.map(
    ([session, file]) => [session, graphFiles(folder, file, names).map((name) => `onnx/${name}`)] as const,
  )
  return {
    paths: Object.fromEntries(paths),
    files: Object.fromEntries(files),
  }
}

/**
 * A graph and its data files: those it refers to, whatever their names, and those that are called like them.
 *
 * @throws InputError for a data file that is not there
 */
function graphFiles(folder: string, graph: string, names: readonly string[]): string[] {
  const data = externalFiles(join(folder, graph))
  const missing = data.find((name) => !names.includes(name))
  if (missing !== undefined) {
    throw new InputError(
      `vqa-model: ${join(folder, graph)} keeps its weights in ${missing}, which is not there; the model is damaged or incomplete: copy or download the model again`,
    )
  }
  const called = names.filter((name) => name === `${graph}_data` || name.startsWith(`${graph}_data_`))
  return [...new Set([graph, ...data, ...called])].sort()
}
