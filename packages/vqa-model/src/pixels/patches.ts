import type { Levels } from './levels.ts'
import type { RgbImage } from './rgb-image.ts'

/** How a Qwen2-VL vision encoder cuts images. */
export interface PatchRules {
  /** side of a patch, pixels */
  patch: number
  /** patches of a visual token in each direction */
  merge: number
  /** times that a still image is repeated */
  frames: number
}

/**
 * Cuts an image into the rows that a Qwen2-VL vision encoder takes.
 *
 * Patches come in groups of `merge` x `merge`, so that neighbours in a group become one visual
 * token; a row is (channel, time, height, width), and a still image is repeated over time.
 * Same order as `Qwen2VLImageProcessor`, [gridH * gridW, C * T * P * P].
 *
 * @throws RangeError if the height or the width is not a multiple of `patch * merge`
 */
export function cutPatches(
  { data: pixels, width, height }: RgbImage,
  levels: Levels,
  { patch, merge, frames }: PatchRules,
): { data: Float32Array; gridH: number; gridW: number } {
  const step = patch * merge
  if (height % step !== 0 || width % step !== 0 || height === 0 || width === 0) {
    throw new RangeError(
      `vqa-model: the sides of an image of ${width} x ${height} pixels are not multiples of ${step}`,
    )
  }
  const data = new Float32Array(3 * height * width * frames)
  let to = 0
  for (let groupY = 0; groupY < height; groupY += step) {
    for (let groupX = 0; groupX < width; groupX += step) {
      for (let y0 = groupY; y0 < groupY + step; y0 += patch) {
        for (let x0 = groupX; x0 < groupX + step; x0 += patch) {
          for (let c = 0; c < 3; c++) {
            const start = to
            for (let y = y0; y < y0 + patch; y++) {
              const from = (y * width + x0) * 3 + c
              for (let x = 0; x < patch; x++) data[to++] = levels[c * 256 + pixels[from + 3 * x]!]!
            }
            for (let t = 1; t < frames; t++) {
              data.copyWithin(to, start, start + patch * patch)
              to += patch * patch
            }
          }
        }
      }
    }
  }
  return { data, gridH: height / patch, gridW: width / patch }
}
