import type { Resizer } from './resample.ts'
import type { RgbImage } from './rgb-image.ts'

/** [3, 256]: the number that a model sees for each level of red, green and blue. */
export type Levels = Float32Array

/** How the levels of an image become numbers; undefined leaves a step out. */
export interface Normalization {
  /** factor of every level, usually 1/255 */
  rescale: number | undefined
  /** of red, green and blue, after the factor */
  normalize: { mean: readonly number[]; std: readonly number[] } | undefined
}

/**
 * (rescale v - mean) / std in the order and with the roundings to 32 bits of the Python processors: the `pillow` ones
 * round after each step, those of torchvision multiply mean and std by 1 / rescale instead.
 */
export function makeLevels({ rescale, normalize }: Normalization, resizer: Resizer): Levels {
  const { fround } = Math
  const levels = new Float32Array(3 * 256)
  for (let c = 0; c < 3; c++) {
    const [mean, std] = [fround(normalize?.mean[c] ?? 0), fround(normalize?.std[c] ?? 1)]
    const fused = resizer === 'torchvision' && rescale !== undefined && normalize !== undefined
    const back = fround(1 / (rescale ?? 1))
    for (let v = 0; v < 256; v++) {
      levels[c * 256 + v] = fused
        ? fround(v - fround(mean * back)) / fround(std * back)
        : fround(fround(v * (rescale ?? 1)) - mean) / std
    }
  }
  return levels
}

/** Writes an image as planes of colours, [3, H, W], at a place of a tensor. */
export function writePlanes(
  { data, width, height }: RgbImage,
  levels: Levels,
  out: Float32Array,
  at: number,
): void {
  const size = width * height
  for (let c = 0; c < 3; c++) {
    for (let i = 0; i < size; i++) out[at + c * size + i] = levels[c * 256 + data[3 * i + c]!]!
  }
}
