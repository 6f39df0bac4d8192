import type { EncodedImage } from '../onnx/images.ts'
import { createKeyBook } from '../onnx/key-book.ts'
import { LruCache } from '../onnx/lru.ts'
import type { NamedImage } from './messages.ts'
import type { Team } from './team.ts'
import { StoppedError, type Thread } from './thread.ts'

/** Encoded images that the workers of a team make for each other. */
export interface SharedImages {
  /** Encodes what a call lacks, as far as its images fit into the budget; what fails is left to the outcome. */
  encode(paths: ReadonlySet<string>, stop: Int32Array): Promise<void>
  /** Images of a part that a thread has not seen, with their keys. */
  unsent(thread: Thread, paths: ReadonlySet<string>): Promise<NamedImage[]>
}

/** Most images in one request. */
const MAX_IMAGES = 48
/** Share of the budget that the images of one call may take; the rest is left to other calls. */
const SHARE_OF_CALL = 0.8

/** An image by its path and by the key of its bytes. */
type Keyed = readonly [path: string, key: string]

/** Keeps the images that any worker has encoded, up to so many bytes, and notes which thread has which. */
export function shareImages(team: Team, workers: number, maxBytes: number): SharedImages {
  const keys = createKeyBook()
  const features = new LruCache<EncodedImage>(maxBytes, (image) => image.features.byteLength)
  const underway = new Map<string, Promise<void>>()
  const sent = new WeakMap<Thread, WeakSet<EncodedImage>>()
  const sentTo = (thread: Thread): WeakSet<EncodedImage> => {
    let images = sent.get(thread)
    if (images === undefined) sent.set(thread, (images = new WeakSet()))
    return images
  }

  /** What is neither here nor on the way, what is on the way, and the bytes of what is here. */
  async function look(
    paths: ReadonlySet<string>,
  ): Promise<{ missing: Keyed[]; waits: Promise<void>[]; bytes: number }> {
    const found = { missing: [] as Keyed[], waits: [] as Promise<void>[], bytes: 0 }
    for (const [path, key] of await keys.all(paths)) {
      const waiting = underway.get(key)
      const known = features.get(key)
      found.bytes += known?.features.byteLength ?? 0
      if (waiting !== undefined) found.waits.push(waiting)
      else if (known === undefined) found.missing.push([path, key])
    }
    return found
  }

  return {
    async encode(paths, stop) {
      keys.refresh()
      const { missing, waits, ...call } = await look(paths)
      const size = Math.max(1, Math.min(MAX_IMAGES, Math.ceil(missing.length / workers)))
      for (let from = 0; from < missing.length; from += size) {
        const part = missing.slice(from, from + size)
        const done = team.run(async (thread) => {
          if (call.bytes > SHARE_OF_CALL * maxBytes || isSet(stop)) return
          const request = { paths: part.map(([path]) => path), stop }
          const images = await thread.ask('images', request).catch(nothingWhenStopped)
          for (const [i, image] of images.entries()) {
            if (image === undefined) continue
            call.bytes += image.features.byteLength
            features.set(part[i]![1], image)
            sentTo(thread).add(image)
          }
        })
        for (const [, key] of part) underway.set(key, done)
        const forget = (): void => part.forEach(([, key]) => underway.delete(key))
        waits.push(done.finally(forget))
      }
      await Promise.all(waits)
    },
    async unsent(thread, paths) {
      const images: NamedImage[] = []
      for (const [path, key] of await keys.all(paths)) {
        const image = features.get(key)
        if (image === undefined || sentTo(thread).has(image)) continue
        sentTo(thread).add(image)
        images.push([path, key, image])
      }
      return images
    },
  }
}

/** Another call may wait for the images of a call that was stopped. */
function nothingWhenStopped(error: unknown): [] {
  if (error instanceof StoppedError) return []
  throw error
}

export function isSet(stop: Int32Array): boolean {
  return Atomics.load(stop, 0) !== 0
}
