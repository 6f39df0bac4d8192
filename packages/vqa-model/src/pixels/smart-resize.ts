import type { ImageSize } from './rgb-image.ts'

/** Limits of the area of a resized image, pixels. */
export interface PixelLimits {
  min: number
  max: number
}

/** The longest side of an image over the shortest, at most. */
const LONGEST_ASPECT = 200

/**
 * The size in which Qwen2-VL and its successors see an image: sides that are multiples of `side`, an area inside the
 * limits, and nearly the same aspect; `smart_resize` of the Python processors, with its rounding.
 *
 * @throws Error if the image is more than 200 times as long as it is wide
 */
export function smartResize(
  { width, height }: ImageSize,
  side: number,
  { min, max }: PixelLimits,
): ImageSize {
  const aspect = Math.max(width, height) / Math.min(width, height)
  if (aspect > LONGEST_ASPECT) {
    throw new Error(
      `an image of ${width} x ${height} is ${Math.round(aspect)} times as long as it is wide, and models of this family take at most ${LONGEST_ASPECT}; cut it`,
    )
  }
  const area = roundToEven(height / side) * side * (roundToEven(width / side) * side)
  if (area > max) {
    const shrink = Math.sqrt((height * width) / max)
    const fit = (edge: number): number => Math.max(side, Math.floor(edge / shrink / side) * side)
    return { width: fit(width), height: fit(height) }
  }
  if (area < min) {
    const grow = Math.sqrt(min / (height * width))
    const fit = (edge: number): number => Math.ceil((edge * grow) / side) * side
    return { width: fit(width), height: fit(height) }
  }
  return { width: roundToEven(width / side) * side, height: roundToEven(height / side) * side }
}

/** The nearest whole number, and the even one of two that are equally near, as `round` of Python. */
function roundToEven(value: number): number {
  const floor = Math.floor(value)
  const rest = value - floor
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor
}
