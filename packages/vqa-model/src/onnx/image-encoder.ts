import { openGridEncoder } from './grid-images.ts'
import type { ImageEncoder, ImageEncoderOptions } from './images.ts'
import { openTileEncoder } from './tile-images.ts'

/**
 * Reads, resizes and normalises images by transformers.js and runs the vision encoder on one at
 * a time.
 *
 * @throws InputError when the preprocessor's configuration is unusable
 */
export async function createImageEncoder(options: ImageEncoderOptions): Promise<ImageEncoder> {
  return options.folder.family.images === 'tiles' ? openTileEncoder(options) : openGridEncoder(options)
}
