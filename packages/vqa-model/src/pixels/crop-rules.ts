import { InputError } from '@lever/durable-files'
import { show } from '../show.ts'
import { cropCenter, type CropRules } from './center-crop.ts'
import { writePlanes, type Levels } from './levels.ts'
import {
  processorDefaults,
  readLevels,
  readResampling,
  type ProcessorConfig,
  type ProcessorDefaults,
} from './processor-config.ts'
import type { Resizer } from './resample.ts'
import type { ImageSize, RgbImage } from './rgb-image.ts'

/** How CLIP takes images. */
export interface ClipRules extends CropRules {
  levels: Levels
}

/**
 * Images as `CLIPImageProcessor` of Python prepares them.
 *
 * @returns [count, 3, H, W]
 * @throws Error if they come out in different sizes
 */
export function prepareCrops(
  images: readonly RgbImage[],
  { levels, ...rules }: ClipRules,
): { data: Float32Array; dims: [number, number, number, number] } {
  const crops = images.map((image) => cropCenter(image, rules))
  const [{ width, height }] = crops as [RgbImage]
  if (crops.some((each) => each.width !== width || each.height !== height)) {
    throw new Error('preprocessor_config.json leaves images in different sizes; switch do_center_crop on')
  }
  const size = 3 * width * height
  const data = new Float32Array(crops.length * size)
  crops.forEach((crop, i) => writePlanes(crop, levels, data, i * size))
  return { data, dims: [crops.length, 3, height, width] }
}

/** @throws InputError if the configuration is unusable */
export function readClipRules(
  config: ProcessorConfig,
  defaults: ProcessorDefaults = processorDefaults.clip,
  resizer?: Resizer,
): ClipRules {
  const { file, values } = config
  const wrong = (name: string): InputError =>
    new InputError(
      `vqa-model: ${file}: ${name} is ${show(values[name])}; it can be a number, {"height", "width"} or, for size, {"shortest_edge"}`,
    )
  const whole = (value: unknown): value is number =>
    typeof value === 'number' && Number.isInteger(value) && value > 0
  const sizeOf = (name: string): ImageSize | undefined => {
    const { height, width } = Object(values[name]) as Record<string, unknown>
    return whole(height) && whole(width) ? { height, width } : undefined
  }
  const resizeOf = (): number | ImageSize => {
    const size = values['size'] ?? 224
    const edge = (Object(size) as Record<string, unknown>)['shortest_edge'] ?? size
    const found = whole(edge) ? edge : sizeOf('size')
    if (found === undefined) throw wrong('size')
    return found
  }
  const cropOf = (): ImageSize => {
    const edge = values['crop_size'] ?? 224
    const found = whole(edge) ? { height: edge, width: edge } : sizeOf('crop_size')
    if (found === undefined) throw wrong('crop_size')
    return found
  }
  const resampling = readResampling(config, defaults, resizer)
  return {
    resize: values['do_resize'] === false ? undefined : resizeOf(),
    crop: values['do_center_crop'] === false ? undefined : cropOf(),
    resampling,
    levels: readLevels(config, defaults, resampling.resizer),
  }
}
