import { InputError } from '@lever/durable-files'
import { cropCenter } from './center-crop.ts'
import { readClipRules, type ClipRules } from './crop-rules.ts'
import { writePlanes } from './levels.ts'
import {
  processorDefaults,
  requireResize,
  type PixelOptions,
  type ProcessorConfig,
} from './processor-config.ts'
import type { RgbImage } from './rgb-image.ts'
import type { PixelLimits } from './smart-resize.ts'

/** How LLaVA and LLaVA-OneVision take images: each in the same size. */
export interface WholeRules extends ClipRules {
  /** red, green and blue around an image that is made a square first; undefined where none is */
  surround: readonly number[] | undefined
  limits: PixelLimits
}

/** An image in the size of the encoder, [1, 3, H, W], as the Python processors prepare it. */
export function prepareWhole(
  image: RgbImage,
  rules: WholeRules,
): { data: Float32Array; dims: [number, number, number, number] } {
  const { surround, levels } = rules
  const whole = cropCenter(surround === undefined ? image : padToSquare(image, surround), rules)
  const data = new Float32Array(3 * whole.width * whole.height)
  writePlanes(whole, levels, data, 0)
  return { data, dims: [1, 3, whole.height, whole.width] }
}

/**
 * The rules in a processor's configuration: of `LlavaOnevisionImageProcessor` those for one of several images of a prompt,
 * else of `SiglipImageProcessor`, `CLIPImageProcessor` or `LlavaImageProcessor`.
 *
 * @throws InputError if the configuration is unusable, or limits are given, since all images have one size
 */
export function readWholeRules(config: ProcessorConfig, pixels: PixelOptions = {}): WholeRules {
  const { file, values } = config
  requireResize(config)
  const given = (['min', 'max'] as const).find((name) => pixels[name] !== undefined)
  if (given !== undefined) {
    throw new InputError(
      `vqa-model: pixels.${given} is ${pixels[given]!} (--${given}-pixels), but this model resizes every image to one size; leave it out`,
    )
  }
  const type = typeof values['image_processor_type'] === 'string' ? values['image_processor_type'] : ''
  const oneVision = type.startsWith('LlavaOnevision')
  const crops = !oneVision && !type.startsWith('Siglip')
  const defaults = type.startsWith('Siglip') ? processorDefaults.siglip : processorDefaults.clip
  const rules = readClipRules(
    crops ? config : { file, values: { ...values, do_center_crop: false } },
    defaults,
    pixels.resizer,
  )
  const { width, height } =
    rules.crop ?? (typeof rules.resize === 'object' ? rules.resize : { width: 0, height: 0 })
  if (width === 0) {
    throw new InputError(
      `vqa-model: ${file}: size has no height and width, so that images would come out in different sizes`,
    )
  }
  const area = width * height
  return {
    ...rules,
    surround:
      oneVision || values['do_pad'] === true ? meanColour(values['image_mean'] ?? defaults.mean) : undefined,
    limits: { min: area, max: area },
  }
}

function meanColour(mean: unknown): number[] {
  const list = Array.isArray(mean) ? (mean as number[]) : [mean, mean, mean]
  return list.map((value) => Math.trunc(Number(value) * 255))
}

/** The image in the middle of a square, as `pad_to_square` of the Python processors places it. */
function padToSquare({ data, width, height }: RgbImage, colour: readonly number[]): RgbImage {
  if (width === height) return { data, width, height }
  const side = Math.max(width, height)
  const out = new Uint8Array(side * side * 3)
  for (let i = 0; i < out.length; i++) out[i] = colour[i % 3]!
  const [left, top] = [Math.floor((side - width) / 2), Math.floor((side - height) / 2)]
  for (let y = 0; y < height; y++) {
    out.set(data.subarray(y * width * 3, (y + 1) * width * 3), ((top + y) * side + left) * 3)
  }
  return { data: out, width: side, height: side }
}
