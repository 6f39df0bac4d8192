import { mkdir, rename, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { hashBytes, InputError } from '@lever/durable-files'
import { makeThumbnail, readImageFile } from '@lever/vqa-model'
import { imageName, thumbnailFile } from '../images/names.ts'
import { BUNDLE_FILES } from './manifest.ts'

/** An image of a library, as a bundle holds it. */
export interface BundledImage {
  readonly imageHash: string
  readonly image: string | null
  readonly thumbnail: string | null
}

export interface BundleImagesOptions {
  readonly include: boolean
  readonly thumbnails: boolean
  readonly onProgress: (done: number, total: number) => void
  readonly signal?: AbortSignal | undefined
}

/** What images take in a bundle. */
interface ImageBytes {
  images: number
  thumbnails: number
}

/** Images that are read at one time. */
const TOGETHER = 4

/**
 * Puts the images of a library into a bundle, each once by the hash of its bytes. What an interrupted call had written
 * is not written again.
 * @throws InputError naming an image that cannot be read
 */
export async function bundleImages(
  paths: readonly string[],
  folder: string,
  { include, thumbnails, onProgress, signal }: BundleImagesOptions,
): Promise<{ images: Map<string, BundledImage>; bytes: ImageBytes }> {
  const images = new Map<string, BundledImage>()
  const bytes: ImageBytes = { images: 0, thumbnails: 0 }
  const counted = new Set<string>()
  const unique = [...new Set(paths)]
  if (thumbnails) await mkdir(join(folder, BUNDLE_FILES.thumbnails), { recursive: true })
  if (include) await mkdir(join(folder, BUNDLE_FILES.images), { recursive: true })
  const one = async (path: string): Promise<void> => {
    const file = await readImageFile(path)
    const imageHash = hashBytes(file)
    const image = include ? `${BUNDLE_FILES.images}/${imageName(imageHash, file)}` : null
    if (image !== null) await writeOnce(join(folder, image), file)
    const small = thumbnails ? thumbnailFile(imageHash, await makeThumbnail(path)) : undefined
    if (small !== undefined) await writeOnce(join(folder, small.path), small.bytes)
    images.set(path, { imageHash, image, thumbnail: small?.path ?? null })
    if (counted.has(imageHash)) return
    counted.add(imageHash)
    if (include) bytes.images += file.length
    bytes.thumbnails += small?.bytes.length ?? 0
  }
  for (let from = 0; from < unique.length; from += TOGETHER) {
    signal?.throwIfAborted()
    const part = unique.slice(from, from + TOGETHER)
    await Promise.all(
      part.map((path) =>
        one(path).catch((cause: unknown) => {
          throw new InputError(
            `selector: ${(cause as Error).message.replace(/^vqa-model: /, '')}; repair the image, or leave its questions out`,
            { cause },
          )
        }),
      ),
    )
    onProgress(Math.min(from + TOGETHER, unique.length), unique.length)
  }
  return { images, bytes }
}

/** Writes a file whose name says what it holds, unless it is there. */
async function writeOnce(path: string, bytes: Uint8Array): Promise<void> {
  const there = await stat(path).catch(() => undefined)
  if (there?.size === bytes.length) return
  const temporary = join(dirname(path), `.${basename(path)}.partial`)
  await writeFile(temporary, bytes)
  await rename(temporary, path)
}
