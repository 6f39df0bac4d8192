import { resizeImage, type Resampling } from './resize.ts'
import type { ImageSize, RgbImage } from './rgb-image.ts'

/** How Idefics3 and SmolVLM cut images. */
export interface TileRules {
  /** side of a tile, pixels */
  tile: number
  /** longest edge of an image before it is cut, pixels */
  edge: number
  /** false: the whole image becomes one tile */
  split: boolean
  resampling: Resampling
}

export interface Tiles {
  /** rows and columns of tiles; 0 x 0 for an image that is not cut */
  grid: { height: number; width: number }
  /** the tiles by rows, then the whole image in the size of a tile */
  tiles: RgbImage[]
}

/** The longest edge that a processor of Idefics3 ever gives an image. */
const LONGEST_EDGE = 4096

/** Resizes an image and cuts it into tiles, as the Python processors of Idefics3 and SmolVLM do. */
export function cutTiles(image: RgbImage, { tile, edge, split, resampling }: TileRules): Tiles {
  const square = { width: tile, height: tile }
  const resized = resizeImage(image, edgeSize(image, edge), resampling)
  if (!split) return { grid: { height: 0, width: 0 }, tiles: [resizeImage(resized, square, resampling)] }
  const whole = resizeImage(resized, tiledSize(resized, tile), resampling)
  if (whole.width <= tile && whole.height <= tile) return { grid: { height: 0, width: 0 }, tiles: [whole] }
  const grid = { height: whole.height / tile, width: whole.width / tile }
  const tiles: RgbImage[] = []
  for (let y = 0; y < grid.height; y++) {
    for (let x = 0; x < grid.width; x++) tiles.push(crop(whole, x * tile, y * tile, square))
  }
  tiles.push(resizeImage(whole, square, resampling))
  return { grid, tiles }
}

/** The size of an image whose longest edge is `edge`; the other edge is made even, and neither is above 4096. */
function edgeSize({ width, height }: ImageSize, edge: number): ImageSize {
  const even = (side: number): number => Math.max(1, side + (side % 2))
  const aspect = width / height
  const size =
    width >= height
      ? { width: edge, height: even(Math.trunc(edge / aspect)) }
      : { width: even(Math.trunc(edge * aspect)), height: edge }
  if (edge <= LONGEST_EDGE) return size
  const capped = size.width / size.height
  return size.width >= size.height
    ? { width: LONGEST_EDGE, height: Math.max(1, Math.trunc(LONGEST_EDGE / capped)) }
    : { width: Math.max(1, Math.trunc(LONGEST_EDGE * capped)), height: LONGEST_EDGE }
}

/** The next size whose edges are whole numbers of tiles. */
function tiledSize({ width, height }: ImageSize, tile: number): ImageSize {
  const whole = (side: number): number => Math.ceil(side / tile) * tile
  const aspect = width / height
  return width >= height
    ? { width: whole(width), height: whole(Math.trunc(whole(width) / aspect)) }
    : { width: whole(Math.trunc(whole(height) * aspect)), height: whole(height) }
}

function crop(
  { data, width: row }: RgbImage,
  left: number,
  top: number,
  { width, height }: ImageSize,
): RgbImage {
  const out = new Uint8Array(width * height * 3)
  for (let y = 0; y < height; y++) {
    const from = ((top + y) * row + left) * 3
    out.set(data.subarray(from, from + 3 * width), y * width * 3)
  }
  return { data: out, width, height }
}
