import type { VqaModelStats } from '../types.ts'
import type { ImageDisk } from './image-disk.ts'
import type { EncodedImage, ImageEncoder } from './images.ts'
import { createKeyBook } from './key-book.ts'
import { LruCache } from './lru.ts'

/** Encoded images by path, each encoded once while it stays in the cache. */
export interface ImageStore {
  /** Looks at files again that may have changed. */
  refresh(): void
  /** @throws Error naming the file when it cannot be used */
  get(path: string): Promise<EncodedImage>
  /** Encodes what is missing, a few at a time, as far as the budget goes; failures are left for `get`. */
  prefetch(paths: Iterable<string>): Promise<void>
  /** Takes an image that another thread has encoded. */
  put(path: string, key: string, image: EncodedImage): void
}

const AT_ONCE = 4

export function createImageStore(
  encoder: ImageEncoder,
  budget: number,
  stats: VqaModelStats,
  disk?: ImageDisk,
): ImageStore {
  const cache = new LruCache<EncodedImage>(budget, ({ features }) => features.byteLength)
  const keys = createKeyBook()
  const underway = new Map<string, Promise<EncodedImage>>()

  async function encode(path: string, key: string): Promise<EncodedImage> {
    const saved = await disk?.get(path)
    const image = saved ?? (await encoder.encode(path))
    if (saved === undefined) {
      stats.imageEncodes += 1
      await disk?.put(path, image)
    } else stats.imageCacheHits += 1
    cache.set(key, image)
    return image
  }

  async function get(path: string): Promise<EncodedImage> {
    const key = await keys.get(path)
    const known = cache.get(key)
    if (known !== undefined) {
      stats.imageCacheHits += 1
      return known
    }
    let image = underway.get(key)
    if (image === undefined) {
      image = encode(path, key)
      underway.set(key, image)
      image
        .catch(() => undefined)
        .finally(() => underway.delete(key))
        .catch(() => undefined)
    }
    return image
  }

  return {
    refresh: () => keys.refresh(),
    get,
    async prefetch(paths) {
      const waiting = [...new Set(paths)]
      const lane = async (): Promise<void> => {
        for (let path = waiting.shift(); path !== undefined; path = waiting.shift()) {
          if (cache.bytes > 0.8 * budget) return
          const key = await keys.get(path).catch(() => undefined)
          if (key !== undefined && !cache.has(key)) await get(path).catch(() => undefined)
        }
      }
      await Promise.all(Array.from({ length: AT_ONCE }, lane))
    },
    put(path, key, image) {
      keys.put(path, key)
      cache.set(key, image)
    },
  }
}
