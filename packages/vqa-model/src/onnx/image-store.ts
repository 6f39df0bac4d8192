import { readImageFile } from '../pixels/read-file.ts'
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
  /**
   * The images of some files, a few at a time; undefined where one cannot be used.
   *
   * @param check called before every image; throws to stop
   */
  getAll(paths: readonly string[], check: () => void): Promise<(EncodedImage | undefined)[]>
  /** Encodes what is missing, as far as these images fit into the budget together; failures are left for `get`. */
  prefetch(paths: Iterable<string>, check: () => void): Promise<void>
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
    const bytes = await readImageFile(path)
    const entry = disk?.entryOf(bytes)
    const saved = entry === undefined ? undefined : await disk?.get(entry)
    const image = saved ?? (await encoder.encode(path, bytes))
    if (saved === undefined) {
      stats.imageEncodes += 1
      if (entry !== undefined) await disk?.put(entry, image)
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

  /** Some files one after another, a few at a time, until `work` returns false. */
  async function each(
    paths: readonly string[],
    check: () => void,
    work: (path: string, index: number) => Promise<boolean>,
  ): Promise<void> {
    let next = 0
    const lane = async (): Promise<void> => {
      for (let index = next++; index < paths.length; index = next++) {
        check()
        if (!(await work(paths[index]!, index))) next = paths.length
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, lane))
  }

  return {
    refresh: () => keys.refresh(),
    get,
    async getAll(paths, check) {
      const found = new Array<EncodedImage | undefined>(paths.length).fill(undefined)
      await each(paths, check, async (path, index) => {
        found[index] = await get(path).catch(() => undefined)
        return true
      })
      return found
    },
    async prefetch(paths, check) {
      let bytes = 0
      await each([...new Set(paths)], check, async (path) => {
        const key = await keys.get(path).catch(() => undefined)
        if (key === undefined) return true
        const image = cache.get(key) ?? (await get(path).catch(() => undefined))
        bytes += image?.features.byteLength ?? 0
        return bytes <= 0.8 * budget
      })
    },
    put(path, key, image) {
      keys.put(path, key)
      cache.set(key, image)
    },
  }
}
