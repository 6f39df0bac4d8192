import { readGridRules } from '../pixels/grid.ts'
import type { PixelOptions } from '../pixels/processor-config.ts'
import type { Resampling } from '../pixels/resize.ts'
import type { PixelLimits } from '../pixels/smart-resize.ts'
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
export function readPixelRules(
  folder: Pick<ModelFolder, 'path' | 'preprocessor' | 'family'>,
  pixels?: PixelOptions,
): { limits: PixelLimits; resampling: Resampling } {
  const readRules = folder.family.images === 'tiles' ? readTileRules : readGridRules
  return readRules(processorConfig(folder), pixels)
}
