import { readFile } from 'node:fs/promises'
import { hashBytes } from '@lever/durable-files'
import { createKeyBook } from '../onnx/key-book.ts'
import { LruCache } from '../onnx/lru.ts'
import type { VqaModelStats } from '../types.ts'

/** Image files as `data:` URLs; equal files are kept once. */
export interface ImageUrls {
  /** Looks at files again that may have changed. */
  refresh(): void
  /** @throws Error naming the file when it cannot be read, is too large, or is no image */
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

  async function read(path: string, key: string): Promise<string> {
    const bytes = await readFile(path).catch((cause: unknown) => {
      throw new Error(`vqa-model: cannot read the image ${path}: ${(cause as Error).message}`, { cause })
    })
    if (bytes.length > limits.file) {
      throw new Error(
        `vqa-model: the image ${path} has ${bytes.length} bytes and ${limits.file} are sent at most; make it smaller, or raise maxImageBytes`,
      )
    }
    const type = imageType(bytes)
    if (type === undefined) {
      throw new Error(
        `vqa-model: cannot read the image ${path}: it is none of PNG, JPEG, WebP, GIF and BMP; convert it`,
      )
    }
    const hash = hashBytes(bytes)
    hashes.set(key, hash)
    const known = urls.get(hash)
    if (known !== undefined) return known
    stats.imageEncodes += 1
    const url = `data:${type};base64,${bytes.toString('base64')}`
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
      let reading = underway.get(key)
      if (reading === undefined) {
        reading = read(path, key).finally(() => underway.delete(key))
        underway.set(key, reading)
      } else stats.imageCacheHits += 1
      return reading
    },
  }
}

/** By the first bytes, not by the name. */
export function imageType(bytes: Uint8Array): string | undefined {
  const text = (from: number, to: number): string => String.fromCharCode(...bytes.subarray(from, to))
  if (text(0, 8) === '\x89PNG\r\n\x1a\n') return 'image/png'
  if (text(0, 3) === '\xff\xd8\xff') return 'image/jpeg'
  if (text(0, 4) === 'RIFF' && text(8, 12) === 'WEBP') return 'image/webp'
  if (text(0, 4) === 'GIF8') return 'image/gif'
  return text(0, 2) === 'BM' ? 'image/bmp' : undefined
}
