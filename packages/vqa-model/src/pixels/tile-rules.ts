import { InputError } from '@lever/durable-files'
import { show } from '../show.ts'
import { writePlanes, type Levels } from './levels.ts'
import {
  processorDefaults,
  readLevels,
  readResampling,
  requireResize,
  type PixelOptions,
  type ProcessorConfig,
} from './processor-config.ts'
import type { RgbImage } from './rgb-image.ts'
import type { PixelLimits } from './smart-resize.ts'
import { cutTiles, type TileRules, type Tiles } from './tiles.ts'

/** How Idefics3 and SmolVLM take images. */
export interface TiledImageRules extends TileRules {
  limits: PixelLimits
  levels: Levels
}

export interface PreparedTiles {
  grid: Tiles['grid']
  /** [count, 3, tile, tile] */
  data: Float32Array
  count: number
}

/** Resizes an image and cuts it into tiles, as the Python processors of Idefics3 and SmolVLM do. */
export function prepareTiles(image: RgbImage, rules: TiledImageRules): PreparedTiles {
  const { grid, tiles } = cutTiles(image, rules)
  const [{ width, height }] = tiles as [RgbImage]
  const size = 3 * width * height
  const data = new Float32Array(tiles.length * size)
  tiles.forEach((tile, i) => writePlanes(tile, rules.levels, data, i * size))
  return { grid, data, count: tiles.length }
}

/**
 * The rules in a processor's configuration. `pixels.max` limits the area of the resized image: the longest edge becomes
 * the largest whole number of tiles whose square is not above it, at least one tile (an image that is then not cut).
 *
 * @throws InputError if the configuration or the limits are unusable
 */
export function readTileRules(config: ProcessorConfig, pixels: PixelOptions = {}): TiledImageRules {
  const { file, values } = config
  requireResize(config)
  const edgeOf = (name: string, fallback: number): number => {
    const found = values[name]
    const edge = found === undefined ? fallback : (Object(found) as Record<string, unknown>)['longest_edge']
    if (typeof edge === 'number' && Number.isInteger(edge) && edge > 0) return edge
    throw new InputError(
      `vqa-model: ${file}: ${name}.longest_edge is ${show(edge)}, not a whole number above 0`,
    )
  }
  if (pixels.min !== undefined) {
    throw new InputError(
      `vqa-model: pixels.min is ${pixels.min} (--min-pixels), but this model resizes every image to one longest edge; give pixels.max only`,
    )
  }
  const tile = edgeOf('max_image_size', 364)
  const own = edgeOf('size', 4 * 364)
  const tiles = pixels.max === undefined ? undefined : Math.max(1, Math.floor(Math.sqrt(pixels.max) / tile))
  const edge = tiles === undefined ? own : tiles * tile
  const resampling = readResampling(config, processorDefaults.idefics3, pixels.resizer)
  return {
    ...{ tile, edge, resampling, split: values['do_image_splitting'] !== false },
    limits: { min: 0, max: edge ** 2 },
    levels: readLevels(config, processorDefaults.idefics3, resampling.resizer),
  }
}
