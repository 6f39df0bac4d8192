import type { EncodedImage } from '../onnx/images.ts'
import { createKeyBook } from '../onnx/key-book.ts'
import type { LocalModel, LocalModelOptions } from '../onnx/local-model.ts'
import { LruCache } from '../onnx/lru.ts'
import { addStats, emptyStats } from '../stats.ts'
import type { VqaAnswer, VqaPrompt } from '../types.ts'
import type { NamedImage } from './messages.ts'
import { splitPrompts } from './split.ts'
import { openTeam } from './team.ts'
import { StoppedError, type Thread } from './thread.ts'

/** What the pool does for a model; the same as a model in this thread, without blocking it. */
export interface WorkerPool extends Pick<LocalModel, 'name' | 'protocol' | 'close'> {
  stats(): LocalModel['stats']
  answer(prompts: readonly VqaPrompt[], options: PoolAnswerOptions): Promise<VqaAnswer[]>
}

interface PoolAnswerOptions {
  signal: AbortSignal | undefined
  onProgress: (done: number) => void
  scoresOnly: boolean
}

/** Prompts in a part of a large call; a small call is split only so far that parts have `SMALL`. */
const LARGE = 256
const SMALL = 64
/** Images encoded in one request. */
const IMAGES = 48

/**
 * Opens the model in every worker. Images are encoded once, by any of them, and their features
 * are shared memory; prompts are split so that prefixes stay together. Calls at the same time
 * share the workers. Answers do not depend on the number of workers.
 */
export async function openPool(options: LocalModelOptions, workers: number): Promise<WorkerPool> {
  const team = await openTeam(options, workers)
  const keys = createKeyBook()
  const features = new LruCache<EncodedImage>(options.imageBytes, (image) => image.features.byteLength)
  const underway = new Map<string, Promise<void>>()
  const sent = new WeakMap<Thread, WeakSet<EncodedImage>>()
  const sentTo = (thread: Thread): WeakSet<EncodedImage> => {
    let images = sent.get(thread)
    if (images === undefined) sent.set(thread, (images = new WeakSet()))
    return images
  }

  /** Encodes what is missing, as far as the budget goes; what fails is left to the outcome. */
  async function encode(paths: ReadonlySet<string>): Promise<void> {
    keys.refresh()
    const missing: [path: string, key: string][] = []
    const waits: Promise<void>[] = []
    for (const [path, key] of await keys.all(paths)) {
      const waiting = underway.get(key)
      if (waiting !== undefined) waits.push(waiting)
      else if (!features.has(key)) missing.push([path, key])
    }
    const size = Math.max(1, Math.min(IMAGES, Math.ceil(missing.length / workers)))
    for (let from = 0; from < missing.length; from += size) {
      const part = missing.slice(from, from + size)
      const done = team.run(async (thread) => {
        if (features.bytes > 0.8 * options.imageBytes) return
        const found = await thread.ask('images', { paths: part.map(([path]) => path) })
        found.forEach((image, i) => {
          if (image === undefined) return
          features.set(part[i]![1], image)
          sentTo(thread).add(image)
        })
      })
      for (const [, key] of part) underway.set(key, done)
      const forget = (): void => part.forEach(([, key]) => underway.delete(key))
      waits.push(done.finally(forget))
    }
    await Promise.all(waits)
  }

  /** Images of a part that a thread has not seen, with their keys. */
  async function unsent(thread: Thread, paths: ReadonlySet<string>): Promise<NamedImage[]> {
    const images: NamedImage[] = []
    for (const [path, key] of await keys.all(paths)) {
      const image = features.get(key)
      if (image === undefined || sentTo(thread).has(image)) continue
      sentTo(thread).add(image)
      images.push([path, key, image])
    }
    return images
  }

  async function answer(
    prompts: readonly VqaPrompt[],
    { signal, onProgress, scoresOnly }: PoolAnswerOptions,
  ): Promise<VqaAnswer[]> {
    const stop = new Int32Array(new SharedArrayBuffer(4))
    const halt = (): void => void Atomics.store(stop, 0, 1)
    signal?.addEventListener('abort', halt, { once: true })
    try {
      await encode(new Set(prompts.flatMap(imagesOf)))
      signal?.throwIfAborted()
      const answers = new Array<VqaAnswer>(prompts.length)
      const counts = new Map<number[], number>()
      const count = Math.max(
        Math.ceil(prompts.length / LARGE),
        Math.min(workers, Math.ceil(prompts.length / SMALL)),
      )
      const parts = splitPrompts(prompts, count).map((indices) =>
        team.run(async (thread) => {
          if (Atomics.load(stop, 0) !== 0) throw new StoppedError('stopped')
          const part = indices.map((i) => prompts[i]!)
          const images = await unsent(thread, new Set(part.flatMap(imagesOf)))
          const found = await thread.ask('answer', { prompts: part, images, stop, scoresOnly }, (done) => {
            counts.set(indices, done)
            onProgress([...counts.values()].reduce((sum, value) => sum + value, 0))
          })
          found.forEach((value, i) => (answers[indices[i]!] = value))
        }),
      )
      for (const part of parts) part.catch(halt)
      const ends = await Promise.allSettled(parts)
      const errors = ends.filter((end) => end.status === 'rejected').map((end): unknown => end.reason)
      signal?.throwIfAborted()
      const cause = errors.find((error) => !(error instanceof StoppedError)) ?? errors[0]
      if (cause !== undefined) throw cause as Error
      return answers
    } finally {
      signal?.removeEventListener('abort', halt)
    }
  }

  return {
    name: team.name,
    protocol: team.protocol,
    stats: () => team.threads.map((thread) => thread.stats).reduce(addStats, emptyStats()),
    answer,
    close: () => team.close(),
  }
}

function imagesOf({ demonstrations, query }: VqaPrompt): string[] {
  return [...demonstrations.map(({ image }) => image), query.image]
}
