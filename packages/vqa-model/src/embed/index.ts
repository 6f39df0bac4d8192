import { InputError } from '@lever/durable-files'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import { resolveDevice } from '../devices/resolve.ts'
import { checkPixelNames } from '../pixels/processor-config.ts'
import type { Embedder, EmbedderFiles, EmbedderOptions } from './types.ts'

/** The names of the embedders. */
export const embedderNames = ['vision-pool', 'clip', 'sentence'] as const

/** A name of an embedder. */
export type EmbedderName = (typeof embedderNames)[number]

interface EmbedderKind {
  open: (options: EmbedderOptions) => Promise<Embedder>
  files: (model: string) => Promise<EmbedderFiles>
}

/** The embedders. A new one is one file, its name above and one line here. */
const TABLE: Record<EmbedderName, () => Promise<EmbedderKind>> = {
  'vision-pool': async () => {
    const { openVisionPool: open, visionPoolFiles: files } = await import('./vision-pool.ts')
    return { open, files }
  },
  clip: async () => {
    const { clipFiles: files, openClip: open } = await import('./clip.ts')
    return { open, files }
  },
  sentence: async () => {
    const { openSentence: open, sentenceFiles: files } = await import('./sentence.ts')
    return { open, files }
  },
}

/** Which embedder, and how it runs. */
export interface OpenEmbedderOptions extends EmbedderOptions {
  /** Default `vision-pool`. */
  embedder?: EmbedderName
  /** Receives one line when a device was chosen for the caller. */
  onNotice?: (line: string) => void
}

const OPEN_EMBEDDER_OPTIONS: OptionNames<OpenEmbedderOptions> = {
  embedder: true,
  model: true,
  device: true,
  threads: true,
  pixels: true,
  onNotice: true,
}

/**
 * Opens an embedder.
 *
 * @throws InputError if the name, the model's folder or the device is wrong
 */
export async function openEmbedder(options: OpenEmbedderOptions): Promise<Embedder> {
  refuseUnknownOptions(options, OPEN_EMBEDDER_OPTIONS, 'vqa-model: openEmbedder')
  checkPixelNames(options.pixels)
  const { embedder = 'vision-pool', device = 'cpu', onNotice = () => undefined, ...rest } = options
  const { open } = await embedderOf(embedder)
  return open({ ...rest, device: await resolveDevice(device, onNotice) })
}

/**
 * The files of an embedder's model: what another machine needs to embed as this one does.
 *
 * @throws InputError if the name or the model's folder is wrong
 */
export async function embedderFiles(embedder: EmbedderName, model: string): Promise<EmbedderFiles> {
  const { files } = await embedderOf(embedder)
  return files(model)
}

function embedderOf(name: EmbedderName): Promise<EmbedderKind> {
  if (Object.hasOwn(TABLE, name)) return TABLE[name]()
  throw new InputError(`vqa-model: unknown embedder "${name}"; choose one of ${embedderNames.join(', ')}`)
}
