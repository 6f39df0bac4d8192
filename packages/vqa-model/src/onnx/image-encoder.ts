import { readGridRules } from '../pixels/grid.ts'
import { pixelFacts, type PixelFacts, type PixelOptions } from '../pixels/processor-config.ts'
import { readTileRules } from '../pixels/tile-rules.ts'
import { processorConfig, type ModelFolder } from './folder.ts'
import { openGridEncoder } from './grid-images.ts'
import type { ImageEncoder, ImageEncoderOptions } from './images.ts'
import { openTileEncoder } from './tile-images.ts'

/**
 * Reads and prepares images as the family of a model takes them, and runs its vision encoder on one at a time.
 *
 * @throws InputError if the preprocessor's configuration is unusable
 */
export function createImageEncoder(options: ImageEncoderOptions): ImageEncoder {
  return options.folder.family.images === 'tiles' ? openTileEncoder(options) : openGridEncoder(options)
}

/**
 * What of a model's pixels a protocol records.
 *
 * @throws InputError if the preprocessor's configuration is unusable
 */
export function readPixelFacts(
  folder: Pick<ModelFolder, 'path' | 'preprocessor' | 'family'>,
  pixels?: PixelOptions,
): PixelFacts {
  const readRules = folder.family.images === 'tiles' ? readTileRules : readGridRules
  return pixelFacts(readRules(processorConfig(folder), pixels))
}
