import { readGridRules } from '../pixels/grid.ts'
import { pixelFacts, type PixelFacts, type PixelOptions } from '../pixels/processor-config.ts'
import { readTileRules } from '../pixels/tile-rules.ts'
import { readWholeRules } from '../pixels/whole-rules.ts'
import { processorConfig, type ModelFolder } from './folder.ts'
import { openGridEncoder } from './grid-images.ts'
import type { ImageEncoder, ImageEncoderOptions } from './images.ts'
import { openTileEncoder } from './tile-images.ts'
import { openWholeEncoder } from './whole-images.ts'

const encoders = { grid: openGridEncoder, tiles: openTileEncoder, whole: openWholeEncoder } as const
const rules = { grid: readGridRules, tiles: readTileRules, whole: readWholeRules } as const

/**
 * Reads and prepares images as the family of a model takes them, and runs its vision encoder on one at a time.
 *
 * @throws InputError if the preprocessor's configuration is unusable
 */
export function createImageEncoder(options: ImageEncoderOptions): ImageEncoder {
  return encoders[kindOf(options.folder)](options)
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
  return pixelFacts(rules[kindOf(folder)](processorConfig(folder), pixels))
}

function kindOf({ family }: Pick<ModelFolder, 'family'>): keyof typeof encoders {
  if (family.images !== 'none') return family.images
  throw new TypeError(`vqa-model: ${family.modelType} takes no images`)
}
