import { readFile, stat } from 'node:fs/promises'
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
  /**
   * @param bytes of the file, when they were read already
   * @throws ImageError when it cannot be read, decoded or encoded
   */
  encode(path: string, bytes?: Uint8Array): Promise<EncodedImage>
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

/** @throws ImageError */
export async function readImageFile(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path)
  } catch (cause) {
    throw new ImageError(path, `read the image ${path}`, cause)
  }
}

/**
 * What a vision encoder gave, in memory of its own.
 *
 * @throws Error when its size is not the wanted one, or when it holds values that are no numbers
 */
export function checkFeatures(features: Float32Array, tokens: number, width: number): Float32Array {
  if (features.length !== tokens * width) {
    throw new Error(
      `the vision encoder gives ${features.length} numbers for ${tokens} visual tokens of ${width}; ` +
        'config.json, preprocessor_config.json and the ONNX files do not belong together',
    )
  }
  // A sum is finite where all of its terms are.
  if (!Number.isFinite(features.reduce((sum, value) => sum + value, 0))) {
    throw new Error('the vision encoder gives values that are no numbers; use another dtype or device')
  }
  return features.slice()
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
