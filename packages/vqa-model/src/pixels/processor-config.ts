import { InputError } from '@lever/durable-files'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import { show } from '../show.ts'
import { makeLevels, type Levels } from './levels.ts'
import { filterNumbers, type Filter, type Resizer } from './resample.ts'
import type { Resampling } from './resize.ts'
import type { PixelLimits } from './smart-resize.ts'

/** `preprocessor_config.json`, and where it lies. */
export interface ProcessorConfig {
  file: string
  values: Readonly<Record<string, unknown>>
}

/** How pixels are made, where the caller does not leave it to the model's own files. */
export interface PixelOptions extends Partial<PixelLimits> {
  resizer?: Resizer
}

const PIXEL_OPTIONS: OptionNames<PixelOptions> = { min: true, max: true, resizer: true }

/** @throws InputError for a field that does not exist */
export function checkPixelNames(pixels: PixelOptions | undefined): void {
  refuseUnknownOptions(pixels, PIXEL_OPTIONS, 'vqa-model: pixels')
}

/** What a class of image processors takes where its configuration says nothing. */
export interface ProcessorDefaults {
  filter: Filter
  mean: readonly number[]
  std: readonly number[]
}

const openaiClip = {
  mean: [0.48145466, 0.4578275, 0.40821073],
  std: [0.26862954, 0.26130258, 0.27577711],
}

/** Of the Python classes of the same names. */
export const processorDefaults: Record<'qwen2Vl' | 'idefics3' | 'clip' | 'siglip', ProcessorDefaults> = {
  qwen2Vl: { filter: 'bicubic', ...openaiClip },
  idefics3: { filter: 'lanczos', mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] },
  clip: { filter: 'bicubic', ...openaiClip },
  siglip: { filter: 'bicubic', mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] },
}

/** @throws InputError if images are not to be resized, where nothing else gives them a size that the model takes */
export function requireResize({ file, values }: ProcessorConfig): void {
  if (values['do_resize'] !== false) return
  throw new InputError(
    `vqa-model: ${file}: do_resize is false, but this family resizes every image; leave it out`,
  )
}

/**
 * Whose arithmetic a processor's images have, and with which filter: torchvision's where `image_processor_type` ends in
 * Fast, Pillow's otherwise, unless the caller says.
 *
 * @throws InputError if `resample` is none of the filters that models use
 */
export function readResampling(
  { file, values }: ProcessorConfig,
  defaults: ProcessorDefaults,
  resizer?: Resizer,
): Resampling {
  const type = values['image_processor_type']
  const number = values['resample'] ?? filterNumbers[defaults.filter]
  const filter = (Object.keys(filterNumbers) as Filter[]).find((name) => filterNumbers[name] === number)
  if (filter === undefined) {
    const known = Object.entries(filterNumbers).map(([name, value]) => `${value} (${name})`)
    throw new InputError(`vqa-model: ${file}: resample is ${show(number)}; it can be ${known.join(', ')}`)
  }
  const fast = typeof type === 'string' && type.endsWith('Fast')
  return { resizer: resizer ?? (fast ? 'torchvision' : 'pillow'), filter }
}

/**
 * The numbers for the levels of an image.
 *
 * @throws InputError if factor, mean or standard deviations are not numbers
 */
export function readLevels(
  { file, values }: ProcessorConfig,
  { mean, std }: ProcessorDefaults,
  resizer: Resizer,
): Levels {
  const triple = (name: string, fallback: readonly number[]): readonly number[] => {
    const value = values[name] ?? fallback
    const list: readonly unknown[] = Array.isArray(value) ? value : [value, value, value]
    if (list.length === 3 && list.every((each) => typeof each === 'number')) return list
    throw new InputError(`vqa-model: ${file}: ${name} is ${show(value)}, not three numbers`)
  }
  const factor = values['rescale_factor'] ?? 1 / 255
  if (typeof factor !== 'number') {
    throw new InputError(`vqa-model: ${file}: rescale_factor is ${show(factor)}, not a number`)
  }
  return makeLevels(
    {
      rescale: values['do_rescale'] === false ? undefined : factor,
      normalize:
        values['do_normalize'] === false
          ? undefined
          : { mean: triple('image_mean', mean), std: triple('image_std', std) },
    },
    resizer,
  )
}

/** What of the making of pixels a protocol records. */
export interface PixelFacts extends PixelLimits {
  /** whose arithmetic resizes images, and its filter: `pillow bicubic` */
  resizer: string
}

export function pixelFacts({
  limits,
  resampling: { resizer, filter },
}: {
  limits: PixelLimits
  resampling: Resampling
}): PixelFacts {
  return { ...limits, resizer: `${resizer} ${filter}` }
}
