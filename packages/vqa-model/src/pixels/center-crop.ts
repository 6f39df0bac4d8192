import type { Resizer } from './resample.ts'
import { resizeImage, type Resampling } from './resize.ts'
import type { ImageSize, RgbImage } from './rgb-image.ts'

/** How CLIP takes images: resized, then the middle of it. */
export interface CropRules {
  /** the shortest edge of the resized image, or its size; undefined leaves it as it is */
  resize: number | ImageSize | undefined
  /** size of the middle; undefined takes all of it */
  crop: ImageSize | undefined
  resampling: Resampling
}

/** The middle of a resized image; where the image is smaller than that, it is surrounded by black. */
export function cropCenter(image: RgbImage, { resize, crop, resampling }: CropRules): RgbImage {
  const size = typeof resize === 'number' ? shortestEdge(image, resize) : (resize ?? image)
  const resized = resizeImage(image, size, resampling)
  return crop === undefined ? resized : middle(resized, crop, resampling.resizer)
}

function shortestEdge({ width, height }: ImageSize, edge: number): ImageSize {
  return width <= height
    ? { width: edge, height: Math.trunc((edge * height) / width) }
    : { width: Math.trunc((edge * width) / height), height: edge }
}

function middle(image: RgbImage, { width, height }: ImageSize, resizer: Resizer): RgbImage {
  const out = new Uint8Array(width * height * 3)
  const across = overlap(image.width, width, resizer)
  const down = overlap(image.height, height, resizer)
  for (let y = 0; y < down.length; y++) {
    const from = ((down.from + y) * image.width + across.from) * 3
    const line = image.data.subarray(from, from + 3 * across.length)
    out.set(line, ((down.to + y) * width + across.to) * 3)
  }
  return { data: out, width, height }
}

/** What the middle of a line has in common with it: where it starts in each, and its length. */
function overlap(line: number, wanted: number, resizer: Resizer): Record<'from' | 'to' | 'length', number> {
  const gap = line - wanted
  if (gap >= 0) return { from: Math.floor(gap / 2), to: 0, length: wanted }
  const to = resizer === 'pillow' ? Math.ceil(-gap / 2) : Math.floor(-gap / 2)
  return { from: 0, to, length: line }
}
