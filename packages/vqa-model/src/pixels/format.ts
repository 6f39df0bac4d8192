/** The formats of images that are read. */
export type ImageFormat = 'png' | 'jpeg' | 'webp' | 'gif' | 'tiff' | 'bmp' | 'avif'

const STARTS: readonly (readonly [RegExp, ImageFormat])[] = [
  [/^\x89PNG\r\n\x1a\n/, 'png'],
  [/^\xff\xd8\xff/, 'jpeg'],
  [/^RIFF[^]{4}WEBP/, 'webp'],
  [/^GIF8[79]a/, 'gif'],
  [/^(II[*+]\0|MM\0[*+])/, 'tiff'],
  [/^BM[^]{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0/, 'bmp'],
  [/^[^]{4}ftypavi[fs]/, 'avif'],
]

/** Other files that people take for images, for a message that says what to do; most can be converted. */
const OTHERS: readonly (readonly [start: RegExp, what: string, remedy?: string])[] = [
  [/^(\xef\xbb\xbf)?\s*<(\?xml[^]*<svg|!doctype svg|svg)|^(\xef\xbb\xbf)?\s*<!--[^]*<svg/i, 'SVG'],
  [/^%PDF/, 'PDF'],
  [/^[^]{4}ftyp(heic|heix|hevc|mif1|msf1)/, 'HEIC'],
  [/^(\xff\x0a|\0\0\0\x0cJXL )/, 'JPEG XL'],
  [/^\0\0\0\x0cjP /, 'JPEG 2000'],
  [/^\0\0\x01\0/, 'an icon (ICO)'],
  [/^8BPS/, 'a Photoshop document'],
  [/^\s*<(!doctype html|html)/i, 'a web page', 'download it again'],
  [/^version https:\/\/git-lfs/, 'the pointer of Git LFS to a file', 'fetch it with git lfs pull'],
  [/^\x1f\x8b/, 'gzip', 'unpack it'],
  [/^PK\x03\x04/, 'a zip archive', 'unpack it'],
]

/** The longest beginning that a format is recognised by. */
const HEAD_BYTES = 1024

const headOf = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, HEAD_BYTES)).toString('latin1')

/** The format of an image by its first bytes, whatever its name says; undefined for anything that is not read. */
export function imageFormat(bytes: Uint8Array): ImageFormat | undefined {
  const head = headOf(bytes)
  return STARTS.find(([start]) => start.test(head))?.[1]
}

/** @throws Error if the bytes are of none of the formats that are read */
export function requireFormat(bytes: Uint8Array): ImageFormat {
  const format = imageFormat(bytes)
  if (format !== undefined) return format
  const head = headOf(bytes)
  const [, other, remedy = 'convert it'] = OTHERS.find(([start]) => start.test(head)) ?? []
  const is =
    bytes.length === 0 ? 'it is empty' : other === undefined ? 'it is not an image' : `it is ${other}`
  throw new Error(
    `${is}; PNG, JPEG, WebP, GIF, TIFF, BMP and AVIF are read${other === undefined ? '' : `, so ${remedy}`}`,
  )
}
