import type { Sharp } from 'sharp'
import { decodeBmp } from './bmp.ts'
import { requireFormat } from './format.ts'
import { decodeGif } from './gif.ts'
import { imageSize } from './image-size.ts'
import { checkPixels, imageLimits, type ImageLimits } from './limits.ts'
import { decodePlainPng } from './png.ts'
import type { RgbImage } from './rgb-image.ts'

/**
 * Pixels of an image file as Pillow gives them (`ImageOps.exif_transpose`, then `convert('RGB')`): turned upright as
 * its EXIF data say, transparency and colour profiles ignored, the first picture of several.
 *
 * @throws Error if it is of a format that is not read, damaged, or above the limits
 */
export async function decodeImage(file: Uint8Array, limits: ImageLimits = imageLimits()): Promise<RgbImage> {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength)
  const format = requireFormat(bytes)
  if (format === 'bmp') return decodeBmp(bytes, limits)
  if (format === 'gif') return decodeGif(bytes, limits)
  if (format === 'png') {
    checkPixels(imageSize(bytes) ?? { width: 0, height: 0 }, limits)
    const plain = decodePlainPng(bytes)
    if (plain !== undefined) return toRgb(plain.data, plain, plain.channels)
  }
  const { default: sharp } = await import('sharp')
  const image = sharp(bytes, { limitInputPixels: false, ignoreIcc: true, failOn: 'error', pages: 1 })
  const { width, height, space, channels, hasAlpha } = await image.metadata()
  checkPixels({ width, height }, limits)
  image.autoOrient().timeout({ seconds: limits.seconds })
  if (space === 'cmyk') return decodeCmyk(image)
  if (space === 'grey16' && channels === 1 && !hasAlpha) return decodeGrey16(image)
  const { data, info } = await image.raw().toBuffer({ resolveWithObject: true })
  return toRgb(data, info, info.channels)
}

type Size = Pick<RgbImage, 'width' | 'height'>

/** Drops what is behind the third channel, and repeats the first of fewer than three. */
function toRgb(data: Uint8Array, { width, height }: Size, channels: number): RgbImage {
  if (channels === 3) {
    return { data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength), width, height }
  }
  const rgb = new Uint8Array(width * height * 3)
  const [green, blue] = channels > 3 ? [1, 2] : [0, 0]
  for (let from = 0, to = 0; to < rgb.length; from += channels, to += 3) {
    rgb[to] = data[from]!
    rgb[to + 1] = data[from + green]!
    rgb[to + 2] = data[from + blue]!
  }
  return { data: rgb, width, height }
}

/** Without a colour profile: 255 - min(255, c + k - c k / 255), rounded as Pillow does (`cmyk2rgb`). */
async function decodeCmyk(image: Sharp): Promise<RgbImage> {
  const { data, info } = await image
    .pipelineColourspace('cmyk')
    .toColourspace('cmyk')
    .raw()
    .toBuffer({ resolveWithObject: true })
  const rgb = new Uint8Array(info.width * info.height * 3)
  for (let from = 0, to = 0; to < rgb.length; from += info.channels, to += 3) {
    const light = 255 - data[from + 3]!
    for (let c = 0; c < 3; c++) {
      const product = data[from + c]! * light + 128
      rgb[to + c] = light - (((product >> 8) + product) >> 8)
    }
  }
  return { data: rgb, width: info.width, height: info.height }
}

/** Pillow cuts grey levels of 16 bits off at 255. */
async function decodeGrey16(image: Sharp): Promise<RgbImage> {
  const { data, info } = await image
    .toColourspace('grey16')
    .raw({ depth: 'ushort' })
    .toBuffer({ resolveWithObject: true })
  const levels = new Uint8Array(info.width * info.height)
  for (let i = 0; i < levels.length; i++) levels[i] = Math.min(255, data.readUInt16LE(2 * i))
  return toRgb(levels, info, 1)
}
