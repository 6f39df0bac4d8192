import { hashBytes } from '@lever/durable-files'
import { createKeyBook } from '../onnx/key-book.ts'
import { LruCache } from '../onnx/lru.ts'
import { asSeen } from '../pixels/as-seen.ts'
import { ImageError } from '../pixels/image-error.ts'
import { readImageFile } from '../pixels/read-file.ts'
import type { VqaModelStats } from '../types.ts'

/** Image files as `data:` URLs, upright and as local models see them; equal files are kept once. */
export interface ImageUrls {
  /** Looks at files again that may have changed. */
  refresh(): void
  /** @throws Error naming the file when it cannot be read, is too large, or is not an image */
  get(path: string): Promise<string>
}

/**
 * @param limits.cache bytes of URLs that are kept; what was not used for longest goes first
 * @param limits.file most bytes of one file
 */
export function createImageUrls(limits: { cache: number; file: number }, stats: VqaModelStats): ImageUrls {
  const keys = createKeyBook()
  const hashes = new LruCache<string>(2 ** 24, () => 512)
  const urls = new LruCache<string>(limits.cache, ({ length }) => length)
  const underway = new Map<string, Promise<string>>()
  const making = new Map<string, Promise<string>>()

  async function read(path: string, key: string): Promise<string> {
    const bytes = await readImageFile(path)
    if (bytes.length > limits.file) {
      throw new Error(
        `vqa-model: the image ${path} has ${bytes.length} bytes and ${limits.file} are sent at most; make it smaller, or raise maxImageBytes`,
      )
    }
    const hash = hashBytes(bytes)
    hashes.set(key, hash)
    return urls.get(hash) ?? share(making, hash, () => makeUrl(path, hash, bytes))
  }

  async function makeUrl(path: string, hash: string, bytes: Buffer): Promise<string> {
    stats.imageEncodes += 1
    const sent = await asSeen(bytes).catch((cause: unknown) => {
      throw new ImageError(path, `read the image ${path}`, cause)
    })
    const url = `data:${sent.type};base64,${sent.bytes.toString('base64')}`
    urls.set(hash, url)
    return url
  }

  return {
    refresh: () => keys.refresh(),
    async get(path) {
      const key = await keys.get(path)
      const hash = hashes.get(key)
      const known = hash === undefined ? undefined : urls.get(hash)
      if (known !== undefined) {
        stats.imageCacheHits += 1
        return known
      }
      if (underway.has(key)) stats.imageCacheHits += 1
      return share(underway, key, () => read(path, key))
    },
  }
}

/** The work that is under way for a key, begun if there is none. */
function share(
  underway: Map<string, Promise<string>>,
  key: string,
  begin: () => Promise<string>,
): Promise<string> {
  const known = underway.get(key)
  if (known !== undefined) return known
  const work = begin().finally(() => underway.delete(key))
  underway.set(key, work)
  return work
}
