import { InputError } from '@lever/durable-files'
import { show } from '../show.ts'
import type { Levels } from './levels.ts'
import { cutPatches, type PatchRules } from './patches.ts'
import {
  processorDefaults,
  readLevels,
  readResampling,
  requireResize,
  type PixelOptions,
  type ProcessorConfig,
} from './processor-config.ts'
import { resizeImage, type Resampling } from './resize.ts'
import type { RgbImage } from './rgb-image.ts'
import { smartResize, type PixelLimits } from './smart-resize.ts'

/** How Qwen2-VL and its successors take images. */
export interface GridRules extends PatchRules {
  limits: PixelLimits
  resampling: Resampling
  levels: Levels
}

/** Resizes an image and cuts it into patches, as the Python processors of Qwen2-VL do. */
export function prepareGrid(image: RgbImage, rules: GridRules): ReturnType<typeof cutPatches> {
  const size = smartResize(image, rules.patch * rules.merge, rules.limits)
  return cutPatches(resizeImage(image, size, rules.resampling), rules.levels, rules)
}

/**
 * The rules in a processor's configuration, with the caller's pixels before the file's. What neither says is as in
 * `Qwen2VLImageProcessor` of Python.
 *
 * @throws InputError if the configuration or the limits are unusable
 */
export function readGridRules(config: ProcessorConfig, pixels: PixelOptions = {}): GridRules {
  const { file, values } = config
  requireResize(config)
  const size = (values['size'] ?? {}) as Record<string, unknown>
  const positive = (name: string, fallback: unknown): number => {
    const value = values[name] ?? fallback
    if (typeof value === 'number' && Number.isFinite(value) && value > 0) return value
    throw new InputError(`vqa-model: ${file}: ${name} is ${show(value)}, not a positive number`)
  }
  const limits = {
    min: pixels.min ?? positive('min_pixels', size['shortest_edge'] ?? 56 * 56),
    max: pixels.max ?? positive('max_pixels', size['longest_edge'] ?? 28 * 28 * 1280),
  }
  if (limits.min > limits.max) {
    const [given, other] = pixels.max === undefined ? ['min', 'max'] : ['max', 'min']
    throw new InputError(
      `vqa-model: images must have at least ${limits.min} and at most ${limits.max} pixels, which none has; ` +
        `give pixels.${other} (--${other}-pixels) besides pixels.${given}`,
    )
  }
  const resampling = readResampling(config, processorDefaults.qwen2Vl, pixels.resizer)
  return {
    patch: positive('patch_size', 14),
    merge: positive('merge_size', 2),
    frames: positive('temporal_patch_size', 2),
    limits,
    resampling,
    levels: readLevels(config, processorDefaults.qwen2Vl, resampling.resizer),
  }
}
