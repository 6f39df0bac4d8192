import { stat } from 'node:fs/promises'
import { ImageError } from '../pixels/image-error.ts'
import type { PixelFacts, PixelOptions } from '../pixels/processor-config.ts'
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

export interface ImageEncoder {
  readonly pixels: PixelFacts
  /**
   * @param bytes of the file, when they were read already
   * @throws ImageError if it cannot be read, decoded or encoded
   */
  encode(path: string, bytes?: Uint8Array): Promise<EncodedImage>
}

export interface ImageEncoderOptions {
  ort: typeof Ort
  session: Session
  folder: ModelFolder
  pixels?: PixelOptions | undefined
}

/**
 * What a vision encoder gave, in memory of its own.
 *
 * @throws Error if its size is not the wanted one, or it holds values that are not finite
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
    throw new Error('the vision encoder gives values that are not finite; use another dtype or device')
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
