import { InputError } from '@lever/durable-files'
import { show } from '../show.ts'
import type { ModelFolder } from './folder.ts'
import { floatTensor, floatType, toFloats } from './half.ts'
import {
  ImageError,
  checkFeatures,
  type ImageEncoder,
  type ImageEncoderOptions,
  type PixelLimits,
} from './images.ts'
import { cutPatches } from '../pixels/patches.ts'
import { readImage } from '../pixels/read-image.ts'
import { loadTransformers, type Transformers } from './transformers.ts'

interface Preprocessor {
  preprocess(image: Transformers.RawImage): Promise<{ pixel_values: { data: unknown; dims: number[] } }>
  do_resize: boolean
  do_rescale: boolean
  do_normalize: boolean
  do_convert_rgb: boolean
  min_pixels?: number
  max_pixels?: number
}

/**
 * Reads, resizes and normalises images by transformers.js and runs the vision encoder on one at
 * a time, as Qwen2-VL does. The flags that some configurations leave out, and that transformers.js would then take
 * as off, are set.
 *
 * @throws InputError when the preprocessor's configuration is unusable
 */
export async function openGridEncoder({
  ort,
  session,
  folder,
  pixels,
}: ImageEncoderOptions): Promise<ImageEncoder> {
  const transformers = await loadTransformers()
  const { config, limits } = preprocessorConfig(folder, pixels)
  const Processor = (transformers as unknown as Record<string, new (config: object) => Preprocessor>)[
    folder.family.imageProcessor
  ]!
  const processor = new Processor(config)
  processor.do_resize = processor.do_rescale = processor.do_normalize = processor.do_convert_rgb = true
  processor.min_pixels = limits.min
  processor.max_pixels = limits.max
  const layout = {
    patch: config.patch_size,
    merge: config.merge_size,
    frames: config.temporal_patch_size,
  }
  const gridInput = session.inputNames.find((name) => name.endsWith('grid_thw')) ?? 'image_grid_thw'
  const output = session.outputNames.includes('image_features') ? 'image_features' : session.outputNames[0]!
  const pixelType = floatType(session, 'pixel_values')

  return {
    pixels: limits,
    async encode(path, bytes) {
      const image = await readImage(transformers, path, bytes)
      try {
        const { pixel_values } = await processor.preprocess(image)
        const dims = pixel_values.dims as [number, number, number]
        const { data, gridH, gridW } = cutPatches(pixel_values.data as Float32Array, dims, layout)
        const rows = gridH * gridW
        const features = await session.run({
          pixel_values: floatTensor(ort, pixelType, data, [rows, data.length / rows]),
          [gridInput]: new ort.Tensor('int64', BigInt64Array.of(1n, BigInt(gridH), BigInt(gridW)), [1, 3]),
        })
        const grid = { height: gridH / layout.merge, width: gridW / layout.merge }
        return {
          grid,
          features: checkFeatures(toFloats(features[output]!), grid.height * grid.width, folder.width),
        }
      } catch (cause) {
        throw new ImageError(path, `encode the image ${path} (${image.width} x ${image.height})`, cause)
      }
    },
  }
}

interface QwenPreprocessor {
  patch_size: number
  merge_size: number
  temporal_patch_size: number
}

/** The configuration with its pixel limits, the caller's before the file's. */
export function preprocessorConfig(
  folder: Pick<ModelFolder, 'path' | 'preprocessor'>,
  pixels: Partial<PixelLimits> = {},
): { config: QwenPreprocessor & Record<string, unknown>; limits: PixelLimits } {
  const file = `${folder.path}/preprocessor_config.json`
  const size = (folder.preprocessor['size'] ?? {}) as Record<string, unknown>
  const number = (value: unknown, name: string): number => {
    if (typeof value === 'number' && Number.isFinite(value) && value > 0) return value
    throw new InputError(`vqa-model: ${file}: ${name} is ${show(value)}, not a positive number`)
  }
  const from = (name: string, fallback: unknown): number =>
    number(folder.preprocessor[name] ?? fallback, name)
  const limits = {
    min: pixels.min ?? from('min_pixels', size['shortest_edge']),
    max: pixels.max ?? from('max_pixels', size['longest_edge']),
  }
  if (limits.min > limits.max) {
    throw new InputError(
      `vqa-model: the pixel limits are ${limits.min} to ${limits.max}; the first must be smaller`,
    )
  }
  return {
    limits,
    config: {
      ...folder.preprocessor,
      patch_size: from('patch_size', undefined),
      merge_size: from('merge_size', undefined),
      temporal_patch_size: from('temporal_patch_size', 1),
    },
  }
}
