import type { EncodedImage } from '../onnx/images.ts'
import { createKeyBook } from '../onnx/key-book.ts'
import type { LocalModel } from '../onnx/local-model.ts'
import type { LocalModelOptions } from '../onnx/local-options.ts'
import { LruCache } from '../onnx/lru.ts'
import { addStats, emptyStats } from '../stats.ts'
import type { Answer, PromptWithImages } from '../types.ts'
import type { NamedImage } from './messages.ts'
import { splitCall } from './split.ts'
import { openTeam } from './team.ts'
import { StoppedError, type Thread } from './thread.ts'

/** What the pool does for a model; the same as a model in this thread, without blocking it. */
export interface WorkerPool extends Pick<LocalModel, 'name' | 'protocol' | 'abilities' | 'close'> {
  stats(): LocalModel['stats']
  answer(prompts: readonly PromptWithImages[], options: PoolAnswerOptions): Promise<Answer[]>
}

interface PoolAnswerOptions {
  signal: AbortSignal | undefined
  onProgress: (done: number) => void
  scoresOnly: boolean
}

/** Images encoded in one request. */
const IMAGES = 48

/**
 * Opens the model in every worker. Images are encoded once, by any of them, and kept here for the
 * others; a single worker keeps them itself. Prompts are split so that prefixes stay together. Calls
 * at the same time share the workers. Answers do not depend on the number of workers.
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

  /** Encodes what a call lacks, as far as its images fit into the budget; what fails is left to the outcome. */
  async function encode(paths: ReadonlySet<string>, stop: Int32Array): Promise<void> {
    if (workers === 1) return
    keys.refresh()
    const missing: [path: string, key: string][] = []
    const waits: Promise<void>[] = []
    let bytes = 0
    for (const [path, key] of await keys.all(paths)) {
      const waiting = underway.get(key)
      const known = features.get(key)
      bytes += known?.features.byteLength ?? 0
      if (waiting !== undefined) waits.push(waiting)
      else if (known === undefined) missing.push([path, key])
    }
    const size = Math.max(1, Math.min(IMAGES, Math.ceil(missing.length / workers)))
    for (let from = 0; from < missing.length; from += size) {
      const part = missing.slice(from, from + size)
      const done = team.run(async (thread) => {
        if (bytes > 0.8 * options.imageBytes || isSet(stop)) return
        const found = await thread
          .ask('images', { paths: part.map(([path]) => path), stop })
          .catch(nothingWhenStopped)
        found.forEach((image, i) => {
          if (image === undefined) return
          bytes += image.features.byteLength
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
    if (workers === 1) return []
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
    prompts: readonly PromptWithImages[],
    { signal, onProgress, scoresOnly }: PoolAnswerOptions,
  ): Promise<Answer[]> {
    const stop = new Int32Array(new SharedArrayBuffer(4))
    const halt = (): void => void Atomics.store(stop, 0, 1)
    signal?.addEventListener('abort', halt, { once: true })
    try {
      await encode(new Set(prompts.flatMap(imagesOf)), stop)
      signal?.throwIfAborted()
      const answers = new Array<Answer>(prompts.length)
      const counts = new Map<number[], number>()
      const parts = splitCall(prompts, { workers, scoresOnly }).map((indices) =>
        team.run(async (thread) => {
          if (isSet(stop)) throw new StoppedError('stopped')
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
    abilities: team.abilities,
    stats: () => team.threads.map((thread) => thread.stats).reduce(addStats, emptyStats()),
    answer,
    close: () => team.close(),
  }
}

/** Another call may wait for the images of a call that was stopped. */
function nothingWhenStopped(error: unknown): [] {
  if (error instanceof StoppedError) return []
  throw error
}

function isSet(stop: Int32Array): boolean {
  return Atomics.load(stop, 0) !== 0
}

function imagesOf({ demonstrations, query }: PromptWithImages): string[] {
  return [...demonstrations.map(({ image }) => image), query.image]
}
