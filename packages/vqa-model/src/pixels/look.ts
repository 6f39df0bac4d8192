import { readImage } from './read-image.ts'
import { resizeImage } from './resize.ts'

/** What image identity of `@lever/vqa-dataset` looks at. */
const LOOK = { width: 9, height: 8 } as const

/**
 * An image in 9 x 8 pixels, [8, 9, 3], each a mean of its surroundings; undefined where it cannot be read as an image.
 *
 * @param onError is told why
 */
export async function lookAtImage(
  path: string,
  onError?: (error: Error) => void,
): Promise<Uint8Array | undefined> {
  try {
    return resizeImage(await readImage(path), LOOK, { resizer: 'pillow', filter: 'bilinear' }).data
  } catch (error) {
    onError?.(error as Error)
    return undefined
  }
}
