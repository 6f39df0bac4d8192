import { checkPixels, type ImageLimits } from './limits.ts'
import type { RgbImage } from './rgb-image.ts'

interface Header {
  width: number
  height: number
  bits: number
  topDown: boolean
  /** where the pixels start */
  pixels: number
  /** [colours, blue green red (and one more byte)] */
  palette: Buffer
  paletteStep: 3 | 4
  /** bits of red, green and blue in a pixel of 16 or 32 bits */
  masks: readonly [number, number, number]
}

/**
 * Pixels of a BMP file: 1, 4 or 8 bits with a palette, 16, 24 or 32 bits, not compressed.
 * https://learn.microsoft.com/windows/win32/gdi/bitmap-header-types
 *
 * @throws Error if it is of another kind, damaged, or above the limits
 */
export function decodeBmp(file: Buffer, limits: ImageLimits): RgbImage {
  const header = readHeader(file)
  checkPixels(header, limits)
  const { width, height, bits, topDown, pixels } = header
  const stride = Math.ceil((width * bits) / 32) * 4
  if (pixels + stride * (height - 1) + Math.ceil((width * bits) / 8) > file.length) {
    throw new Error('the BMP file ends before its last pixel')
  }
  const data = new Uint8Array(width * height * 3)
  const readLine = lineReader(file, header)
  for (let y = 0; y < height; y++) {
    readLine(pixels + stride * (topDown ? y : height - 1 - y), data.subarray(y * width * 3))
  }
  return { data, width, height }
}

const KINDS = [1, 4, 8, 16, 24, 32]

function readHeader(file: Buffer): Header {
  const size = file.length < 18 ? 0 : file.readUInt32LE(14)
  if (size < 12 || file.length < 14 + size) throw new Error('the header of the BMP file is cut off')
  const old = size === 12
  const width = old ? file.readUInt16LE(18) : file.readInt32LE(18)
  const tall = old ? file.readUInt16LE(20) : file.readInt32LE(22)
  const bits = old ? file.readUInt16LE(24) : file.readUInt16LE(28)
  const compression = old ? 0 : file.readUInt32LE(30)
  if (width < 1 || tall === 0) throw new Error(`the BMP file says ${width} x ${tall} pixels`)
  const fields = compression === 3 || compression === 6
  if (!KINDS.includes(bits) || !(compression === 0 || (fields && (bits === 16 || bits === 32)))) {
    throw new Error(
      `it is a BMP file of ${bits} bits with compression ${compression}; only uncompressed ones are read: save it as PNG`,
    )
  }
  const maskBytes = fields && size === 40 ? 12 : 0
  const from = 14 + size + maskBytes
  const paletteStep = old ? 3 : 4
  const used = old || bits > 8 ? 0 : file.readUInt32LE(46)
  const colours = bits > 8 ? 0 : Math.min(2 ** bits, used === 0 ? 2 ** bits : used)
  if (file.length < from + colours * paletteStep) throw new Error('the palette of the BMP file is cut off')
  return {
    ...{ width, height: Math.abs(tall), bits, topDown: tall < 0, pixels: file.readUInt32LE(10), paletteStep },
    palette: file.subarray(from, from + colours * paletteStep),
    masks: fields
      ? [file.readUInt32LE(54), file.readUInt32LE(58), file.readUInt32LE(62)]
      : bits === 16
        ? [0x7c00, 0x3e0, 0x1f]
        : [0xff0000, 0xff00, 0xff],
  }
}

/** Writes the pixels of the line that starts at a place of the file. */
function lineReader(
  file: Buffer,
  { width, bits, palette, paletteStep, masks }: Header,
): (from: number, line: Uint8Array) => void {
  if (bits === 24) {
    return (from, line) => {
      for (let i = 0; i < 3 * width; i++) line[i] = file[from + i + 2 - 2 * (i % 3)]!
    }
  }
  if (bits > 8) {
    const channels = masks.map(channelOf)
    const step = bits / 8
    return (from, line) => {
      for (let x = 0; x < width; x++) {
        const pixel = file.readUIntLE(from + x * step, step)
        for (let c = 0; c < 3; c++) line[3 * x + c] = channels[c]!(pixel)
      }
    }
  }
  return (from, line) => {
    for (let x = 0; x < width; x++) {
      const place = x * bits
      const index = (file[from + (place >> 3)]! >> (8 - bits - (place & 7))) & (2 ** bits - 1)
      for (let c = 0; c < 3; c++) line[3 * x + c] = palette[index * paletteStep + 2 - c] ?? 0
    }
  }
}

/** The bits of a mask as a number from 0 to 255. */
function channelOf(mask: number): (pixel: number) => number {
  if (mask === 0) return () => 0
  const shift = 31 - Math.clz32(mask & -mask)
  const most = mask >>> shift
  return (pixel) => Math.floor((((pixel & mask) >>> shift) * 255) / most)
}
