import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import { decodeImage } from './decode.ts'
import { imageFormat, type ImageFormat } from './format.ts'
import { ImageError } from './image-error.ts'
import { imageLimits } from './limits.ts'
import { readImageFile } from './read-file.ts'
import { resizeImage } from './resize.ts'

/** Size and format of a thumbnail. */
export interface ThumbnailOptions {
  /** Longest side in pixels. */
  readonly size?: number
  /** Of WebP, 1 to 100. */
  readonly quality?: number
  /** A file that a browser can show and that has at most so many bytes is taken as it is. */
  readonly asIs?: number
}

export const THUMBNAIL_OPTIONS: OptionNames<ThumbnailOptions> = { size: true, quality: true, asIs: true }

/** What browsers show. */
const SHOWN: ReadonlySet<ImageFormat> = new Set(['png', 'jpeg', 'webp', 'gif'])

/**
 * A small image for a page, as a data URI: WebP, or the file itself where it is small. Equal files give
 * equal URIs.
 *
 * @throws ImageError if it cannot be read as an image
 */
export async function makeThumbnail(path: string, options: ThumbnailOptions = {}): Promise<string> {
  refuseUnknownOptions(options, THUMBNAIL_OPTIONS, 'vqa-model: makeThumbnail')
  const { size = 96, quality = 70, asIs = 2048 } = options
  const limits = imageLimits()
  const bytes = await readImageFile(path, limits)
  try {
    const image = await decodeImage(bytes, limits)
    const format = imageFormat(bytes)!
    if (bytes.length <= asIs && SHOWN.has(format)) return dataUri(`image/${format}`, bytes)
    const scale = Math.min(1, size / Math.max(image.width, image.height))
    const [width, height] = [image.width, image.height].map((side) => Math.max(1, Math.round(side * scale)))
    const small = resizeImage(
      image,
      { width: width!, height: height! },
      { resizer: 'pillow', filter: 'lanczos' },
    )
    const { default: sharp } = await import('sharp')
    const raw = { width: small.width, height: small.height, channels: 3 } as const
    return dataUri('image/webp', await sharp(small.data, { raw }).webp({ quality }).toBuffer())
  } catch (cause) {
    throw new ImageError(path, `read the image ${path}`, cause)
  }
}

function dataUri(type: string, bytes: Buffer): string {
  return `data:${type};base64,${bytes.toString('base64')}`
}
