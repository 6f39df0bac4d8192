import { readImage } from './read-image.ts'
import { resizeImage } from './resize.ts'

/** What image identity of `@lever/vqa-dataset` looks at. */
const LOOK = { width: 9, height: 8 } as const

/** An image in 9 x 8 pixels, [8, 9, 3], each a mean of its surroundings; undefined where it cannot be read as an image. */
export async function lookAtImage(path: string): Promise<Uint8Array | undefined> {
  try {
    return resizeImage(await readImage(path), LOOK, { resizer: 'pillow', filter: 'bilinear' }).data
  } catch {
    return undefined
  }
}
