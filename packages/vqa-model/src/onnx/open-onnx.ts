import { InputError } from '@lever/durable-files'
import { parseDevices, type Device, type Devices } from '../devices/devices.ts'
import { resolveDevice } from '../devices/resolve.ts'
import { cacheFolder } from '../hub/places.ts'
import { readDtypes, type Dtypes } from './dtypes.ts'
import { readModelFolder } from './folder.ts'
import { openLocalModel, type LocalModel } from './local-model.ts'
import type { LocalModelOptions } from './local-options.ts'
import { hashModelFiles, readLocalProtocol, type ProtocolOptions } from './local-protocol.ts'
import { joinModels } from '../join-models.ts'
import { hashProtocol } from '../protocol.ts'
import { needsOf } from '../prompt/needs.ts'
import { checkPixelNames, type PixelOptions } from '../pixels/processor-config.ts'
import { resizerNames } from '../pixels/resample.ts'
import type { PostprocessName } from '../postprocess.ts'
import { requireScoreAnswers } from '../scores-only.ts'
import type { TemplateName } from '../templates/index.ts'
import type { PromptTemplate } from '../templates/template.ts'
import type { ModelProtocol, Answer, BackendModel } from '../types.ts'
import { splitCall } from '../workers/split.ts'
import { openPool, type WorkerPool } from '../workers/pool.ts'

/** A model in the ONNX layout of the Hub, and how it runs. */
export interface OnnxOptions {
  /** folder in the Hub's ONNX layout, or the id of a model on the Hub that was downloaded */
  model: string
  /**
   * name of a prompt template, or one of your own; when left out `lever-plus`, `shapes` for the bundled model, `caption`
   * for a text model
   */
  template?: TemplateName | PromptTemplate
  /** system prompt in place of the template's; null for none */
  system?: string | null
  /** one device, or several with a copy of the model each, as `cuda:0,cuda:1` */
  device?: Devices
  /** of the ONNX files: one name, one per file, or both as in an option (`decoder_model_merged=q4`) */
  dtype?: Dtypes
  /** worker threads with sessions of their own; 0 runs in this thread and blocks its event loop */
  workers?: number
  /** threads of one session; 0 chooses by the decoder's size */
  threads?: number
  /** most tokens of an answer; 5 when left out */
  maxNewTokens?: number
  /** 1: greedy; 3: beam search of width 3 with length penalty 0, as the Python original decodes */
  beams?: 1 | 3
  /** limits of an image's area in pixels, and whose arithmetic resizes it; the model's own when left out */
  pixels?: PixelOptions
  /** texts that end an answer, besides the model's own end tokens; the template's when left out */
  stop?: readonly string[]
  /** what of the written text is the answer; the template's when left out */
  postprocess?: PostprocessName
  /** what answers will be scored by; recorded in the protocol, `vqa-loo` when left out */
  metric?: string
  /** false: one prompt at a time, nothing shared (slow; for comparisons) */
  sharing?: boolean
  /** most prompts in one run of the decoder */
  batchRows?: number
  /** most tokens in one run of the decoder, padding included */
  batchTokens?: number
  /** budget of keys and values in memory per worker, bytes */
  kvBytes?: number
  /** budget of encoded images in memory per worker, bytes */
  imageBytes?: number
  /** budget of encoded images on disk in the cache folder, bytes; 0 for none */
  imageDiskBytes?: number
  /** where hashes of large files, what was found out about models, and encoded images are kept; `LEVER_CACHE` or `~/.cache/lever` */
  cacheFolder?: string
  /** receives one line when something was chosen for the caller (`device: 'auto'`), or when nothing can be shared */
  onNotice?: (line: string) => void
}

/**
 * Opens a vision-language model, or a text model, in ONNX Runtime.
 *
 * Answers are equal to those of the model run on each whole prompt alone; only the
 * last digits of scores depend on what runs together.
 *
 * @throws InputError if the folder, a file in it, the device or an option is wrong
 */
export async function openOnnxModel(options: OnnxOptions): Promise<BackendModel> {
  const devices = parseDevices(options.device ?? 'cpu')
  const opened: BackendModel[] = []
  try {
    for (const device of devices) opened.push(await openOnDevice(options, device))
    return joinModels(opened)
  } catch (error) {
    for (const model of opened) await model.close()
    throw error
  }
}

async function openOnDevice(options: OnnxOptions, device: Device): Promise<BackendModel> {
  const { workers = 0, onNotice = () => undefined } = options
  const local: LocalModelOptions = {
    ...protocolOptions(options),
    device: await resolveDevice(device, onNotice),
    threads: options.threads ?? 0,
    workers: Math.max(1, workers),
    sharing: options.sharing ?? true,
    batchRows: options.batchRows ?? 32,
    batchTokens: options.batchTokens ?? 2048,
    kvBytes: options.kvBytes ?? 512 * 2 ** 20,
    imageBytes: options.imageBytes ?? 512 * 2 ** 20,
    imageDiskBytes: options.imageDiskBytes ?? 0,
  }
  const folder = await readModelFolder(local.model, local.dtype)
  const { name, deepstackLayers } = folder
  if (deepstackLayers.length > 0) {
    onNotice(
      `model ${name}: its config names DeepStack features of layers ${deepstackLayers.join(', ')}, which this export leaves out; answers differ from the original model's`,
    )
  }
  // Here once, for all workers to find.
  if (workers > 1) await hashModelFiles(folder, local.cacheFolder)
  const pool = workers > 0 ? await openPool(local, workers) : inThisThread(await openLocalModel(local))
  if (local.sharing && !pool.abilities.chunkOnPast) {
    onNotice(
      `model ${pool.name}: its decoder cannot go on from a cache (tried at opening), so nothing is shared and every prompt runs whole`,
    )
  }
  const open = new Set<Promise<unknown>>()
  let closing: Promise<void> | undefined
  return {
    name: pool.name,
    protocol: pool.protocol,
    protocolHash: hashProtocol(pool.protocol),
    needs: pool.needs,
    calls: { sharesWork: true, concurrency: 1 },
    async answer(prompts, { signal, onProgress = () => undefined, scoresOnly = false } = {}) {
      if (closing !== undefined) throw new Error('vqa-model: the model is closed; open it again')
      signal?.throwIfAborted()
      if (scoresOnly) requireScoreAnswers(prompts)
      const answering = pool.answer(prompts, { signal, onProgress, scoresOnly })
      open.add(answering)
      return answering.finally(() => open.delete(answering))
    },
    stats: () => ({ ...pool.stats() }),
    close() {
      closing ??= Promise.allSettled(open).then(() => pool.close())
      return closing
    },
  }
}

/**
 * The name and the protocol of a model, out of its files: no session is opened.
 *
 * @throws InputError if the folder, a file in it or an option is wrong
 */
export async function readOnnxProtocol(options: OnnxOptions): Promise<ModelProtocol> {
  const { protocol, folder, template } = await readLocalProtocol(protocolOptions(options))
  return { name: folder.name, protocol, protocolHash: hashProtocol(protocol), needs: needsOf(template) }
}

function protocolOptions(options: OnnxOptions): ProtocolOptions {
  checkCounts(options)
  return {
    model: options.model,
    template: options.template,
    system: options.system,
    dtype: readDtypes(options.dtype),
    maxNewTokens: options.maxNewTokens ?? 5,
    beams: options.beams ?? 1,
    stop: options.stop,
    pixels: options.pixels,
    postprocess: options.postprocess,
    metric: options.metric ?? 'vqa-loo',
    cacheFolder: options.cacheFolder ?? cacheFolder(),
  }
}

/** A model in this thread answers one call after another. */
function inThisThread(model: LocalModel): WorkerPool {
  let last: Promise<unknown> = Promise.resolve()
  return {
    name: model.name,
    protocol: model.protocol,
    abilities: model.abilities,
    needs: model.needs,
    stats: () => model.stats,
    answer(prompts, { signal, onProgress, scoresOnly }) {
      const check = (): void => signal?.throwIfAborted()
      const answering = last.then(async () => {
        const answers = new Array<Answer>(prompts.length)
        let before = 0
        const parts = scoresOnly ? splitCall(prompts, { workers: 1, scoresOnly }) : [[...prompts.keys()]]
        for (const indices of parts) {
          check()
          const found = await model.answer(
            indices.map((i) => prompts[i]!),
            { check, onProgress: (done) => onProgress(before + done), scoresOnly },
          )
          found.forEach((answer, i) => (answers[indices[i]!] = answer))
          before += indices.length
        }
        return answers
      })
      last = answering.catch(() => undefined)
      return answering
    },
    close: () => model.close(),
  }
}

function checkCounts(options: OnnxOptions): void {
  const least = {
    workers: 0,
    threads: 0,
    maxNewTokens: 1,
    batchRows: 1,
    batchTokens: 1,
    kvBytes: 1,
    imageBytes: 0,
    imageDiskBytes: 0,
  }
  checkPixelNames(options.pixels)
  const { resizer, ...limits } = options.pixels ?? {}
  for (const [name, value] of Object.entries(limits)) {
    if (Number.isFinite(value) && value > 0) continue
    throw new InputError(`vqa-model: pixels.${name} is ${value}; it must be a number of pixels above 0`)
  }
  if (resizer !== undefined && !resizerNames.includes(resizer)) {
    throw new InputError(
      `vqa-model: pixels.resizer is "${resizer as string}"; it can be ${resizerNames.join(' or ')}`,
    )
  }
  if (![1, 3].includes(options.beams ?? 1)) {
    throw new InputError(`vqa-model: beams is ${String(options.beams)}; it must be 1 (greedy) or 3`)
  }
  for (const [name, smallest] of Object.entries(least)) {
    const value = options[name as keyof typeof least]
    if (value !== undefined && !(Number.isInteger(value) && value >= smallest)) {
      throw new InputError(
        `vqa-model: ${name} is ${value}; it must be a whole number of at least ${smallest}`,
      )
    }
  }
}
