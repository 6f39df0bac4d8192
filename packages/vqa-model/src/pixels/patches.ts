/**
 * Cuts an image [C, H, W] into the rows that a Qwen2-VL vision encoder takes.
 *
 * Patches come in groups of `merge` x `merge`, so that neighbours in a group become one visual
 * token; a row is (channel, time, height, width), and a still image is repeated over time.
 * Same order as `Qwen2VLImageProcessor`, [gridH * gridW, C * T * P * P].
 *
 * @throws RangeError when the height or the width is not a multiple of `patch * merge`
 */
export function cutPatches(
  pixels: Float32Array,
  [channels, height, width]: readonly [number, number, number],
  { patch, merge, frames }: { patch: number; merge: number; frames: number },
): { data: Float32Array; gridH: number; gridW: number } {
  const step = patch * merge
  if (height % step !== 0 || width % step !== 0 || height === 0 || width === 0) {
    throw new RangeError(
      `vqa-model: an image of ${width} x ${height} pixels is not a multiple of ${step} pixels`,
    )
  }
  const gridH = height / patch
  const gridW = width / patch
  const data = new Float32Array(channels * height * width * frames)
  let to = 0
  for (let groupY = 0; groupY < height; groupY += step) {
    for (let groupX = 0; groupX < width; groupX += step) {
      for (let y0 = groupY; y0 < groupY + step; y0 += patch) {
        for (let x0 = groupX; x0 < groupX + step; x0 += patch) {
          for (let c = 0; c < channels; c++) {
            const start = to
            for (let y = y0; y < y0 + patch; y++) {
              const from = (c * height + y) * width + x0
              for (let x = 0; x < patch; x++) data[to++] = pixels[from + x]!
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
  return { data, gridH, gridW }
}
