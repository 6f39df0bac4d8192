import { cpus } from 'node:os'
import { join } from 'node:path'
import { hashOf } from '@lever/durable-files'
import { parseDevice } from '../devices/devices.ts'
import { emptyStats } from '../stats.ts'
import type { VqaModelStats } from '../types.ts'
import { rememberAbilities } from './ability-cache.ts'
import type { Engine } from './batch.ts'
import { createDecoder } from './decoder.ts'
import { openImageDisk, type ImageDisk } from './image-disk.ts'
import type { PixelFacts } from '../pixels/processor-config.ts'
import { createImageEncoder } from './image-encoder.ts'
import { createImageStore, type ImageStore } from './image-store.ts'
import type { LocalModelOptions } from './local-options.ts'
import type { LocalProtocol } from './local-protocol.ts'
import type { Ort, Session } from './ort.ts'
import { stopAt } from './stops.ts'
import { imagePlacer } from './place-image.ts'
import type { PlanSettings } from './plan-steps.ts'
import { probeDecoder, type DecoderAbilities } from './probe-decoder.ts'
import { createPrompter, type Prompter } from './prompter.ts'
import type { Sessions } from './sessions.ts'

/** An opened model, taken apart: what answering needs. */
export interface LocalParts {
  readonly read: LocalProtocol
  readonly engine: Engine
  /** undefined for a text model */
  readonly images: ImageStore | undefined
  readonly prompter: Prompter
  readonly placeImage: ReturnType<typeof imagePlacer>
  readonly abilities: DecoderAbilities
  readonly settings: Omit<PlanSettings, 'scoresOnly'>
  readonly stats: VqaModelStats
}

interface Runtime {
  readonly ort: typeof Ort
  readonly sessions: Sessions
  readonly threads: number
}

/** Puts the parts of a model together and finds out, or remembers, what its decoder can do. */
export async function assembleParts(
  options: LocalModelOptions,
  read: LocalProtocol,
  { ort, sessions, threads }: Runtime,
): Promise<LocalParts> {
  const { protocol, folder, codec, template } = read
  const imageToken = folder.imageTokenId < 0 ? '' : codec.tokenText(folder.imageTokenId)
  const stats = emptyStats()
  const engine: Engine = {
    ort,
    embed: sessions.embed,
    decoder: createDecoder(ort, sessions.decoder, folder),
    stats,
    scratch: new Map(),
  }
  const abilities = await rememberAbilities(
    probeSubject(options, read, { ort, threads }),
    () => probeDecoder(engine, codec.vocabularySize),
    join(options.cacheFolder, 'probes'),
  )
  Object.assign(stats, emptyStats())
  const prompter = createPrompter({ codec, template, system: protocol.system, imageToken })
  return {
    read,
    engine,
    stats,
    abilities,
    images: sessions.vision && openImages(options, read, { ort, session: sessions.vision, stats }),
    prompter,
    placeImage: imagePlacer(folder, codec, imageToken),
    settings: planSettings(options, read, { abilities, endToken: prompter.endToken }),
  }
}

function openImages(
  options: LocalModelOptions,
  read: LocalProtocol,
  { ort, session, stats }: { ort: typeof Ort; session: Session; stats: VqaModelStats },
): ImageStore {
  const { pixels, imageBytes } = options
  const encoder = createImageEncoder({ ort, session, folder: read.folder, pixels })
  return createImageStore(encoder, imageBytes, stats, openDisk(options, read, encoder.pixels))
}

function planSettings(
  options: LocalModelOptions,
  { folder, protocol, codec }: LocalProtocol,
  {
    abilities: { batchOnPast, chunkOnPast, noise },
    endToken,
  }: { abilities: DecoderAbilities; endToken: number | undefined },
): LocalParts['settings'] {
  const [eos] = folder.eosTokenIds
  const { stop = [] } = protocol.decoding
  return {
    maxNewTokens: options.maxNewTokens,
    beams: options.beams,
    eosTokenIds: folder.eosTokenIds,
    endToken: endToken ?? eos!,
    ...(stop.length > 0 && { isStopped: (tokens) => stopAt(codec.decode(tokens), stop) !== undefined }),
    batched: batchOnPast,
    sharing: options.sharing && chunkOnPast,
    nearTie: 16 * noise,
    contextLength: folder.contextLength,
    maxRows: options.batchRows,
    maxTokens: options.batchTokens,
    kvBytes: options.kvBytes,
  }
}

/** All that what a decoder can do depends on. */
function probeSubject(
  { device }: LocalModelOptions,
  { protocol, folder: { sessionFiles } }: LocalProtocol,
  { ort, threads }: Pick<Runtime, 'ort' | 'threads'>,
): Parameters<typeof rememberAbilities>[0] {
  const { decoder_model_merged = [], embed_tokens = [], model = [] } = sessionFiles
  const asked = ['config.json', ...decoder_model_merged, ...embed_tokens, ...model]
  return {
    files: Object.entries(protocol.files).filter(([name]) => asked.includes(name)),
    device,
    threads,
    cpu: cpus()[0]?.model ?? '',
    runtime: ort.env.versions.node ?? '',
  }
}

function openDisk(
  { imageDiskBytes, device, cacheFolder }: LocalModelOptions,
  { protocol, folder: { sessionFiles } }: LocalProtocol,
  pixels: PixelFacts,
): ImageDisk | undefined {
  if (imageDiskBytes === 0) return undefined
  const fixed = Object.entries(protocol.files).filter(
    ([name]) => sessionFiles.vision_encoder?.includes(name) === true || name.includes('processor_config'),
  )
  const model = hashOf({ version: 2, fixed, pixels, device: parseDevice(device).name })
  return openImageDisk({ folder: join(cacheFolder, 'images'), bytes: imageDiskBytes, model })
}
