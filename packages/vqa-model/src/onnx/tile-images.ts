import { InputError } from '@lever/durable-files'
import { show } from '../show.ts'
import { floatTensor, floatType, toFloats } from './half.ts'
import {
  ImageError,
  checkFeatures,
  type ImageEncoder,
  type ImageEncoderOptions,
  type PixelLimits,
} from './images.ts'
import { readImage } from '../pixels/read-image.ts'
import { loadTransformers, type Transformers } from './transformers.ts'

interface Tiles {
  /** [1, n, 3, H, W] */
  pixel_values: { data: Float32Array; dims: number[] }
  /** [[rows]], 0 for an image that is not cut */
  rows: number[][]
  cols: number[][]
}

type Processor = (
  images: readonly Transformers.RawImage[],
  options: { return_row_col_info: boolean },
) => Promise<Tiles>

/**
 * Images as Idefics3 and SmolVLM take them: resized to a longest edge, cut into tiles of the encoder's size, and a
 * small picture of the whole as the last tile; all tiles of an image run at once.
 *
 * `pixels.max` limits the area of the resized image: the longest edge becomes the largest whole number of tiles whose
 * square is not above it, at least one tile (an image that is then not cut).
 *
 * @throws InputError when the preprocessor's configuration is unusable
 */
export async function openTileEncoder({
  ort,
  session,
  folder,
  pixels,
}: ImageEncoderOptions): Promise<ImageEncoder> {
  const { config, limits } = tileConfig(folder, pixels)
  const transformers = await loadTransformers()
  const Processor = (transformers as unknown as Record<string, new (config: object) => Processor>)[
    folder.family.imageProcessor
  ]!
  const process = new Processor(config)
  const output = session.outputNames.includes('image_features') ? 'image_features' : session.outputNames[0]!
  const pixelType = floatType(session, 'pixel_values')
  const masked = session.inputNames.includes('pixel_attention_mask')

  return {
    pixels: limits,
    async encode(path, bytes) {
      const image = await readImage(transformers, path, bytes)
      try {
        const { pixel_values, rows, cols } = await process([image], { return_row_col_info: true })
        const [, count, , height, width] = pixel_values.dims as [number, number, number, number, number]
        const mask = new Uint8Array(masked ? count * height * width : 0).fill(1)
        const outputs = await session.run({
          pixel_values: floatTensor(ort, pixelType, pixel_values.data, pixel_values.dims),
          ...(masked
            ? { pixel_attention_mask: new ort.Tensor('bool', mask, [1, count, height, width]) }
            : {}),
        })
        const features = checkFeatures(toFloats(outputs[output]!), count * folder.tileTokens, folder.width)
        return { grid: { height: rows[0]![0]!, width: cols[0]![0]! }, features }
      } catch (cause) {
        throw new ImageError(path, `encode the image ${path} (${image.width} x ${image.height})`, cause)
      }
    },
  }
}

/** The configuration with the longest edge that `pixels` allows, and the limits that follow. */
export function tileConfig(
  { path, preprocessor }: ImageEncoderOptions['folder'],
  pixels: Partial<PixelLimits> = {},
): { config: Record<string, unknown>; limits: PixelLimits } {
  const edgeOf = (name: string): number => {
    const edge = (Object(preprocessor[name]) as Record<string, unknown>)['longest_edge']
    if (typeof edge === 'number' && Number.isInteger(edge) && edge > 0) return edge
    throw new InputError(
      `vqa-model: ${path}/preprocessor_config.json: ${name}.longest_edge is ${show(edge)}, not a positive number`,
    )
  }
  if (pixels.min !== undefined) {
    throw new InputError(
      `vqa-model: pixels.min is ${pixels.min}, but this model resizes every image to one longest edge; give pixels.max only`,
    )
  }
  const tile = edgeOf('max_image_size')
  const own = edgeOf('size')
  const tiles = pixels.max === undefined ? undefined : Math.max(1, Math.floor(Math.sqrt(pixels.max) / tile))
  const edge = tiles === undefined ? own : tiles * tile
  const on = { do_resize: true, do_rescale: true, do_normalize: true, do_convert_rgb: true }
  return {
    config: { ...preprocessor, ...on, size: { longest_edge: edge } },
    limits: { min: 0, max: edge ** 2 },
  }
}
