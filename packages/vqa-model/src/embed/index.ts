import { InputError } from '@lever/durable-files'
import { resolveDevice } from '../devices/resolve.ts'
import type { Embedder, EmbedderOptions } from './types.ts'

export const embedderNames = ['vision-pool', 'clip'] as const

export type EmbedderName = (typeof embedderNames)[number]

/** The embedders. A new one is one file, its name above and one line here. */
const TABLE: Record<EmbedderName, () => Promise<(options: EmbedderOptions) => Promise<Embedder>>> = {
  'vision-pool': async () => (await import('./vision-pool.ts')).openVisionPool,
  clip: async () => (await import('./clip.ts')).openClip,
}

/**
 * Opens an embedder.
 *
 * @throws InputError if the name, the model's folder or the device is wrong
 */
export async function openEmbedder({
  embedder = 'vision-pool',
  device = 'cpu',
  onNotice = () => undefined,
  ...options
}: EmbedderOptions & { embedder?: EmbedderName; onNotice?: (line: string) => void }): Promise<Embedder> {
  if (!Object.hasOwn(TABLE, embedder)) {
    throw new InputError(
      `vqa-model: unknown embedder "${embedder}"; choose one of ${embedderNames.join(', ')}`,
    )
  }
  const open = await TABLE[embedder]()
  return open({ ...options, device: await resolveDevice(device, onNotice) })
}
