import { imageKey, type EncodedImage } from '../onnx/images.ts'
import type { LocalModel, LocalModelOptions } from '../onnx/local-model.ts'
import { LruCache } from '../onnx/lru.ts'
import { addStats, emptyStats } from '../stats.ts'
import type { VqaAnswer, VqaPrompt } from '../types.ts'
import type { NamedImage } from './messages.ts'
import { splitPrompts } from './split.ts'
import { startThread, StoppedError, type Thread } from './thread.ts'

/** What the pool does for a model; the same as a model in this thread, without blocking it. */
export interface WorkerPool extends Pick<LocalModel, 'name' | 'protocol' | 'close'> {
  stats(): LocalModel['stats']
  answer(
    prompts: readonly VqaPrompt[],
    options: { signal: AbortSignal | undefined; onProgress: (done: number) => void },
  ): Promise<VqaAnswer[]>
}

/** Parts per worker, so that a slow part does not leave the others idle. */
const PARTS = 3
/** Smaller parts share too few prefixes. */
const SMALLEST_PART = 192

/**
 * Opens the model in every worker. Images are encoded once, split over the workers, and their
 * features shared; prompts are split so that prefixes stay together. Answers do not depend on
 * the number of workers.
 */
export async function openPool(options: LocalModelOptions, workers: number): Promise<WorkerPool> {
  const stop = new SharedArrayBuffer(4)
  const flag = new Int32Array(stop)
  const threads = Array.from({ length: workers }, (_, i) =>
    startThread({ options, stop }, `vqa-model worker ${i + 1}`),
  )
  const closeAll = async (): Promise<void> => {
    await Promise.all(threads.map((thread) => thread.end()))
  }
  const opened = await Promise.allSettled(threads.map((thread) => thread.ask('open', {})))
  const failed = opened.find((result) => result.status === 'rejected')
  if (failed !== undefined) {
    await closeAll()
    throw failed.reason as Error
  }
  const [first] = opened.filter((result) => result.status === 'fulfilled').map(({ value }) => value)
  const features = new LruCache<EncodedImage>(options.imageBytes, (image) => image.features.byteLength)
  const sent = new Map<Thread, WeakSet<EncodedImage>>(threads.map((thread) => [thread, new WeakSet()]))

  async function encode(paths: ReadonlySet<string>): Promise<Map<string, EncodedImage>> {
    const keys = new Map<string, string>()
    await eachAtOnce([...paths], 16, async (path) => {
      const key = await imageKey(path).catch(() => undefined)
      if (key !== undefined) keys.set(path, key)
    })
    const missing = [...paths].filter((path) => keys.has(path) && !features.has(keys.get(path)!))
    const part = Math.max(1, Math.min(64, Math.ceil(missing.length / threads.length)))
    await drain(chunks(missing, part), async (thread, list) => {
      if (features.bytes > 0.8 * options.imageBytes || Atomics.load(flag, 0) !== 0) return
      const found = await thread.ask('images', { paths: list })
      found.forEach((image, i) => {
        if (image === undefined) return
        features.set(keys.get(list[i]!)!, image)
        sent.get(thread)!.add(image)
      })
    })
    const known = new Map<string, EncodedImage>()
    for (const [path, key] of keys) {
      const image = features.get(key)
      if (image !== undefined) known.set(path, image)
    }
    return known
  }

  async function drain<Item>(
    items: Item[],
    work: (thread: Thread, item: Item) => Promise<void>,
  ): Promise<void> {
    const lanes = await Promise.allSettled(
      threads.map(async (thread) => {
        for (let item = items.shift(); item !== undefined; item = items.shift()) {
          try {
            await work(thread, item)
          } catch (error) {
            items.length = 0
            Atomics.store(flag, 0, 1)
            throw error
          }
        }
      }),
    )
    const errors = lanes.filter((lane) => lane.status === 'rejected').map((lane): unknown => lane.reason)
    const cause = errors.find((error) => !(error instanceof StoppedError)) ?? errors[0]
    if (cause !== undefined) throw cause as Error
  }

  async function answer(
    prompts: readonly VqaPrompt[],
    { signal, onProgress }: { signal: AbortSignal | undefined; onProgress: (done: number) => void },
  ): Promise<VqaAnswer[]> {
    Atomics.store(flag, 0, 0)
    const abort = (): void => void Atomics.store(flag, 0, 1)
    signal?.addEventListener('abort', abort, { once: true })
    try {
      const known = await encode(new Set(prompts.flatMap(imagesOf)))
      signal?.throwIfAborted()
      const answers = new Array<VqaAnswer>(prompts.length)
      const parts = Math.max(
        threads.length,
        Math.min(PARTS * threads.length, Math.ceil(prompts.length / SMALLEST_PART)),
      )
      const progress = new Map<number[], number>()
      await drain(splitPrompts(prompts, parts), async (thread, indices) => {
        const part = indices.map((i) => prompts[i]!)
        const images = unsent(sent.get(thread)!, new Set(part.flatMap(imagesOf)), known)
        const found = await thread.ask('answer', { prompts: part, images }, (done) => {
          progress.set(indices, done)
          onProgress([...progress.values()].reduce((sum, count) => sum + count, 0))
        })
        found.forEach((value, i) => (answers[indices[i]!] = value))
      })
      return answers
    } catch (error) {
      signal?.throwIfAborted()
      throw error
    } finally {
      signal?.removeEventListener('abort', abort)
    }
  }

  return {
    name: first!.name,
    protocol: first!.protocol,
    stats: () => threads.map((thread) => thread.stats).reduce(addStats, emptyStats()),
    answer,
    close: closeAll,
  }
}

function imagesOf({ demonstrations, query }: VqaPrompt): string[] {
  return [...demonstrations.map(({ image }) => image), query.image]
}

function unsent(
  seen: WeakSet<EncodedImage>,
  paths: ReadonlySet<string>,
  known: ReadonlyMap<string, EncodedImage>,
): NamedImage[] {
  const images: NamedImage[] = []
  for (const path of paths) {
    const image = known.get(path)
    if (image === undefined || seen.has(image)) continue
    seen.add(image)
    images.push([path, image])
  }
  return images
}

function chunks<Item>(items: readonly Item[], size: number): Item[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) =>
    items.slice(i * size, (i + 1) * size),
  )
}

async function eachAtOnce<Item>(
  items: Item[],
  lanes: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  await Promise.all(
    Array.from({ length: lanes }, async () => {
      for (let item = items.shift(); item !== undefined; item = items.shift()) await work(item)
    }),
  )
}
