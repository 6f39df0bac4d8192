import { stat } from 'node:fs/promises'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { hashOf, isInputError } from '@lever/durable-files'
import { parseDevice } from '../devices/devices.ts'
import { planPrompts, type SegmentedPrompt, type TextSegment } from '../prompt/plan.ts'
import type { Protocol } from '../protocol.ts'
import { emptyStats } from '../stats.ts'
import type { PromptTemplate } from '../templates/template.ts'
import type { VqaAnswer, VqaModelStats, VqaPrompt } from '../types.ts'
import { answerPlan } from './answer-plan.ts'
import type { Engine } from './batch.ts'
import { rememberAbilities } from './ability-cache.ts'
import { createDecoder } from './decoder.ts'
import type { Dtypes } from './dtypes.ts'
import { openImageDisk, type ImageDisk } from './image-disk.ts'
import type { ModelFolder } from './folder.ts'
import { createImageStore } from './image-store.ts'
import { createImageEncoder } from './image-encoder.ts'
import { ImageError, type EncodedImage, type PixelLimits } from './images.ts'
import { readLocalProtocol, type LocalProtocol } from './local-protocol.ts'
import { loadOrt, type Ort } from './ort.ts'
import { imagePlacer } from './place-image.ts'
import { probeDecoder, type DecoderAbilities } from './probe-decoder.ts'
import { createPrompter } from './prompter.ts'
import { tokenSegment, type TokenSegment, type VisualTokens } from './segments.ts'
import { openSessions, type Sessions } from './sessions.ts'
import { chooseThreads } from './threads.ts'

/** What opens a model in one thread; plain data, so that it can be sent to a worker. */
export interface LocalModelOptions {
  /** folder in the Hub's ONNX layout, or the id of a downloaded model */
  model: string
  /** undefined for the model's default */
  template?: string | PromptTemplate | undefined
  /** system prompt in place of the template's */
  system?: string | null | undefined
  dtype: Dtypes
  device: string
  /** threads of one ONNX Runtime session; 0 lets the size of the decoder decide */
  threads: number
  /** how many open this model side by side */
  workers: number
  maxNewTokens: number
  beams: Protocol['decoding']['beams']
  pixels?: Partial<PixelLimits> | undefined
  postprocess?: string | undefined
  metric: string
  sharing: boolean
  batchRows: number
  batchTokens: number
  kvBytes: number
  imageBytes: number
  /** budget of encoded images on disk, bytes; 0 for none */
  imageDiskBytes: number
  /** where what was found out about models, and encoded images, are kept */
  cacheFolder: string
}

/** A model opened in this thread. */
export interface LocalModel {
  readonly name: string
  readonly protocol: Protocol
  readonly stats: VqaModelStats
  readonly abilities: DecoderAbilities
  answer(prompts: readonly VqaPrompt[], control: AnswerControl): Promise<VqaAnswer[]>
  encodeImages(paths: readonly string[], check: () => void): Promise<(EncodedImage | undefined)[]>
  putImages(images: readonly [path: string, key: string, image: EncodedImage][]): void
  close(): Promise<void>
}

export interface AnswerControl {
  /** called between runs; throws to stop */
  check: () => void
  onProgress: (done: number) => void
  scoresOnly: boolean
}

/** @throws InputError when the folder, its files or an option is wrong */
export async function openLocalModel(options: LocalModelOptions): Promise<LocalModel> {
  const read = await readLocalProtocol(options)
  const ort = await loadOrt()
  const { device } = options
  const threads =
    options.threads > 0 ? options.threads : chooseThreads(await decoderBytes(read.folder), options.workers)
  const sessions = await openSessions(ort, read.folder, { device, threads })
  try {
    return await assembleModel(options, read, { ort, sessions, threads })
  } catch (error) {
    await releaseAll(sessions)
    throw error
  }
}

async function assembleModel(
  options: LocalModelOptions,
  { protocol, folder, codec, template, postprocess }: LocalProtocol,
  { ort, sessions, threads }: { ort: typeof Ort; sessions: Sessions; threads: number },
): Promise<LocalModel> {
  const { files, system } = protocol
  const imageToken = codec.tokenText(folder.imageTokenId)
  const prompter = createPrompter({ codec, template, system, imageToken })
  const placeImage = imagePlacer(folder, codec, imageToken)

  const stats = emptyStats()
  const engine: Engine = {
    ort,
    embed: sessions.embed_tokens,
    decoder: createDecoder(ort, sessions.decoder_model_merged, folder),
    stats,
    scratch: new Map(),
  }
  const encoder = await createImageEncoder({
    ort,
    session: sessions.vision_encoder,
    folder,
    pixels: options.pixels,
  })
  const images = createImageStore(
    encoder,
    options.imageBytes,
    stats,
    openDisk(options, files, encoder.pixels),
  )
  const abilities = await rememberAbilities(
    {
      files: Object.entries(files).filter(([name]) => /^config\.json|onnx\/(decoder|embed)/.test(name)),
      ...{
        device: options.device,
        threads,
        cpu: cpus()[0]?.model ?? '',
        runtime: ort.env.versions.node ?? '',
      },
    },
    () => probeDecoder(engine, codec.vocabularySize),
    join(options.cacheFolder, 'probes'),
  )
  Object.assign(stats, emptyStats())
  const [endToken] = folder.eosTokenIds
  const settings = {
    maxNewTokens: options.maxNewTokens,
    beams: options.beams,
    eosTokenIds: folder.eosTokenIds,
    endToken: endToken!,
    batched: abilities.batchOnPast,
    sharing: options.sharing && abilities.chunkOnPast,
    nearTie: 16 * abilities.noise,
    contextLength: folder.contextLength,
    maxRows: options.batchRows,
    maxTokens: options.batchTokens,
    kvBytes: options.kvBytes,
  }

  async function resolve(segment: TextSegment): Promise<TokenSegment> {
    const pieces: (Int32Array | VisualTokens)[] = []
    for (const piece of segment.pieces) {
      if (typeof piece === 'string') pieces.push(codec.encode(piece))
      else pieces.push(...placeImage(await images.get(piece.image)))
    }
    return tokenSegment(pieces, folder.imageTokenId)
  }

  async function answer(
    prompts: readonly VqaPrompt[],
    { check, onProgress, scoresOnly }: AnswerControl,
  ): Promise<VqaAnswer[]> {
    const answers: VqaAnswer[] = new Array<VqaAnswer>(prompts.length)
    let done = 0
    const fail = (indices: readonly number[], error: Error): void => {
      stats.failed += indices.length
      for (const index of indices) {
        answers[index] = { text: '', raw: '', error: error.message + ownerOf(prompts[index]!, error) }
      }
      onProgress((done += indices.length))
    }
    const segmented: SegmentedPrompt[] = []
    const places: number[] = []
    for (const [index, prompt] of prompts.entries()) {
      try {
        segmented.push(prompter.segments(prompt))
        places.push(index)
      } catch (error) {
        if (isInputError(error)) throw error
        fail([index], error as Error)
      }
    }
    stats.prompts += prompts.length
    images.refresh()
    await images.prefetch(
      prompts.flatMap(({ demonstrations, query }) => [
        ...demonstrations.map(({ image }) => image),
        query.image,
      ]),
      check,
    )
    check()
    const asked = { ...settings, scoresOnly }
    await answerPlan(engine, asked, {
      plan: planPrompts(segmented),
      resolve,
      encodeAnswer: prompter.encodeAnswer,
      check,
      onError: (indices, error) =>
        fail(
          indices.map((i) => places[i]!),
          error,
        ),
      onAnswer(indices, { tokens, scores }) {
        const raw = codec.decode(tokens)
        for (const i of indices) {
          const wanted = segmented[i]!.answers
          answers[places[i]!] = {
            text: postprocess(raw),
            raw,
            ...(wanted.length === 0
              ? {}
              : { scores: scores.map((score, j) => ({ answer: wanted[j]!, ...score })) }),
          }
        }
        onProgress((done += indices.length))
      },
    })
    return answers
  }

  return {
    name: folder.name,
    protocol,
    stats,
    abilities,
    answer,
    encodeImages(paths, check) {
      images.refresh()
      return images.getAll(paths, check)
    },
    putImages(entries) {
      for (const [path, key, image] of entries) images.put(path, key, image)
    },
    close: () => releaseAll(sessions),
  }
}

async function releaseAll(sessions: Sessions): Promise<void> {
  await Promise.all(Object.values(sessions).map((session) => session.release()))
}

async function decoderBytes({ path, files }: ModelFolder): Promise<number> {
  const parts = files.filter((name) => name.startsWith('onnx/decoder_model_merged'))
  const sizes = await Promise.all(parts.map(async (name) => (await stat(join(path, name))).size))
  return sizes.reduce((sum, size) => sum + size, 0)
}

function openDisk(
  { imageDiskBytes, device, cacheFolder }: LocalModelOptions,
  files: Readonly<Record<string, string>>,
  pixels: PixelLimits,
): ImageDisk | undefined {
  if (imageDiskBytes === 0) return undefined
  const fixed = Object.entries(files).filter(([name]) => /vision_encoder|processor_config/.test(name))
  const model = hashOf({ version: 1, fixed, pixels, device: parseDevice(device).name })
  return openImageDisk({ folder: join(cacheFolder, 'images'), bytes: imageDiskBytes, model })
}

/** Which example of a prompt an unusable image belongs to. */
function ownerOf({ demonstrations, query }: VqaPrompt, error: Error): string {
  if (!(error instanceof ImageError)) return ''
  const owner = [...demonstrations, query].find(({ image }) => image === error.path)
  return owner === undefined ? '' : ` (the image of example ${owner.id})`
}
