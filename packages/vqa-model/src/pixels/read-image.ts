import { decodeImage } from './decode.ts'
import { ImageError } from './image-error.ts'
import { imageLimits } from './limits.ts'
import { readImageFile } from './read-file.ts'
import type { RgbImage } from './rgb-image.ts'

/**
 * Pixels of an image file.
 *
 * @param bytes of the file, when they were read already
 * @throws ImageError if it cannot be read or decoded
 */
export async function readImage(path: string, bytes?: Uint8Array): Promise<RgbImage> {
  const limits = imageLimits()
  const file = bytes ?? (await readImageFile(path, limits))
  try {
    return await decodeImage(file, limits)
  } catch (cause) {
    throw new ImageError(path, `read the image ${path}`, cause)
  }
}
