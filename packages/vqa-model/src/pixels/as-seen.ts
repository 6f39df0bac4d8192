import { decodeImage } from './decode.ts'
import { requireFormat, type ImageFormat } from './format.ts'
import { checkPixels, imageLimits, type ImageLimits } from './limits.ts'

/** What every server reads, unless something in the file makes readers differ. */
const SENT: ReadonlySet<ImageFormat> = new Set(['png', 'jpeg', 'webp', 'gif'])

/**
 * An image file in which any reader sees what `decodeImage` gives: the file itself where it is upright, opaque and of
 * 8 bits, otherwise a PNG of its pixels.
 *
 * @throws Error if it is of a format that is not read, damaged, or above the limits
 */
export async function asSeen(
  file: Buffer,
  limits: ImageLimits = imageLimits(),
): Promise<{ type: string; bytes: Buffer }> {
  const format = requireFormat(file)
  const { default: sharp } = await import('sharp')
  if (SENT.has(format)) {
    const found = await sharp(file, { limitInputPixels: false, pages: 1 }).metadata()
    checkPixels(found, limits)
    const plain = found.depth === 'uchar' && (found.space === 'srgb' || found.space === 'b-w')
    if (plain && !found.hasAlpha && (found.orientation ?? 1) === 1) {
      return { type: `image/${format}`, bytes: file }
    }
  }
  const { data, width, height } = await decodeImage(file, limits)
  const png = sharp(data, { raw: { width, height, channels: 3 } }).png()
  return { type: 'image/png', bytes: await png.toBuffer() }
}
