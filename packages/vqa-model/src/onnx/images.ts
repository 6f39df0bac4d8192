import { stat } from 'node:fs/promises'
import type { ModelFolder } from './folder.ts'
import type { Ort, Session } from './ort.ts'
import type { TokenGrid } from './positions.ts'

/** What the vision encoder makes of an image. */
export interface EncodedImage {
  /** visual tokens in height and width; for an image in tiles, its rows and columns of tiles (0 x 0 when it is not cut) */
  grid: TokenGrid
  /** [number of visual tokens, D] */
  features: Float32Array
}

export interface PixelLimits {
  min: number
  max: number
}

export interface ImageEncoder {
  readonly pixels: PixelLimits
  /** @throws ImageError when it cannot be read or decoded */
  encode(path: string): Promise<EncodedImage>
}

export interface ImageEncoderOptions {
  ort: typeof Ort
  session: Session
  folder: ModelFolder
  pixels?: Partial<PixelLimits> | undefined
}

/** An image that cannot be used; the path says which. */
export class ImageError extends Error {
  readonly path: string

  constructor(path: string, what: string, cause: unknown) {
    super(`vqa-model: cannot ${what}: ${(cause as Error).message}`, { cause })
    this.path = path
  }
}

/** What identifies an image without reading it: its path, size and time of change. */
export async function imageKey(path: string): Promise<string> {
  try {
    const { size, mtimeMs } = await stat(path)
    return `${path}\0${size}\0${mtimeMs}`
  } catch (cause) {
    throw new ImageError(path, `read the image ${path}`, cause)
  }
}
