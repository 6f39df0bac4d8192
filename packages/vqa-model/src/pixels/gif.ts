import { checkPixels, type ImageLimits } from './limits.ts'
import type { RgbImage } from './rgb-image.ts'

interface Frame {
  left: number
  top: number
  width: number
  height: number
  interlaced: boolean
  /** [colours, red green blue] */
  palette: Buffer
  codeSize: number
  data: Buffer
}

/**
 * The first picture of a GIF file, each pixel in the colour of its palette entry, transparent or not, as Pillow gives
 * it. https://www.w3.org/Graphics/GIF/spec-gif89a.txt
 *
 * @throws Error if it is damaged, or above the limits
 */
export function decodeGif(file: Buffer, limits: ImageLimits): RgbImage {
  try {
    const { frame, screen, fill } = readFirstFrame(file)
    const width = Math.max(screen.width, frame.left + frame.width)
    const height = Math.max(screen.height, frame.top + frame.height)
    checkPixels({ width, height }, limits)
    const indices = new Uint8Array(width * height).fill(fill)
    const lines = unpack(frame.data, frame.codeSize, frame.width * frame.height)
    for (const [line, y] of lineOrder(frame).entries()) {
      const from = line * frame.width
      indices.set(lines.subarray(from, from + frame.width), (frame.top + y) * width + frame.left)
    }
    const data = new Uint8Array(3 * width * height)
    for (let i = 0; i < data.length; i++) data[i] = frame.palette[3 * indices[(i / 3) | 0]! + (i % 3)] ?? 0
    return { data, width, height }
  } catch (error) {
    if (error instanceof RangeError) throw new Error('the GIF file ends too early', { cause: error })
    throw error
  }
}

function readFirstFrame(file: Buffer): {
  frame: Frame
  screen: { width: number; height: number }
  fill: number
} {
  const screen = { width: file.readUInt16LE(6), height: file.readUInt16LE(8) }
  const flags = file.readUInt8(10)
  let at = 13
  const paletteAt = (bits: number): Buffer => file.subarray(at, (at += 3 * 2 ** ((bits & 7) + 1)))
  let palette = flags & 0x80 ? paletteAt(flags) : GREYS
  let fill = 0
  for (;;) {
    const block = file.readUInt8(at++)
    if (block === 0x21) {
      if (file.readUInt8(at) === 0xf9 && file.readUInt8(at + 2) & 1) fill = file.readUInt8(at + 5)
      at = skipParts(file, at + 1)
    } else if (block === 0x2c) {
      const [left, top, width, height] = [0, 2, 4, 6].map((place) => file.readUInt16LE(at + place))
      const local = file.readUInt8(at + 8)
      at += 9
      if (local & 0x80) palette = paletteAt(local)
      const codeSize = file.readUInt8(at++)
      const data = joinParts(file, at)
      const place = { left: left!, top: top!, width: width!, height: height! }
      return { frame: { ...place, interlaced: (local & 0x40) !== 0, palette, codeSize, data }, screen, fill }
    } else throw new Error('the GIF file holds no picture')
  }
}

/** What a file without a palette means. */
const GREYS = Buffer.from(Array.from({ length: 768 }, (_, i) => Math.floor(i / 3)))

function skipParts(file: Buffer, from: number): number {
  let at = from
  for (let size = file.readUInt8(at); size > 0; size = file.readUInt8(at)) at += size + 1
  return at + 1
}

function joinParts(file: Buffer, from: number): Buffer {
  const parts: Buffer[] = []
  for (let at = from; at < file.length && file[at]! > 0; at += file[at]! + 1) {
    parts.push(file.subarray(at + 1, at + 1 + file[at]!))
  }
  return Buffer.concat(parts)
}

/** Which line of the picture each line of the data is. */
function lineOrder({ height, interlaced }: Frame): number[] {
  const passes = interlaced
    ? [
        [0, 8],
        [4, 8],
        [2, 4],
        [1, 2],
      ]
    : [[0, 1]]
  return passes.flatMap(([start, step]) => {
    const lines: number[] = []
    for (let y = start!; y < height; y += step!) lines.push(y)
    return lines
  })
}

const MOST_CODES = 4096

/** Undoes LZW with codes that grow from `codeSize` + 1 to 12 bits. */
function unpack(data: Buffer, codeSize: number, length: number): Uint8Array {
  if (codeSize < 1 || codeSize > 11) throw new Error(`the GIF file has codes of ${codeSize} bits`)
  const out = new Uint8Array(length)
  const clear = 1 << codeSize
  const before = new Uint16Array(MOST_CODES)
  const last = new Uint8Array(MOST_CODES)
  const sizes = new Uint16Array(MOST_CODES)
  for (let code = 0; code < clear; code++) {
    last[code] = code
    sizes[code] = 1
  }
  let next = clear + 2
  let bits = codeSize + 1
  let previous = -1
  let buffer = 0
  let held = 0
  let to = 0
  for (let at = 0; to < length;) {
    while (held < bits) {
      if (at === data.length) throw new Error('the GIF file ends before its last pixel')
      buffer |= data[at++]! << held
      held += 8
    }
    const code = buffer & ((1 << bits) - 1)
    buffer >>>= bits
    held -= bits
    if (code === clear + 1) throw new Error('the GIF file ends before its last pixel')
    if (code === clear) {
      next = clear + 2
      bits = codeSize + 1
      previous = -1
      continue
    }
    if (code > next || (code === next && previous < 0)) throw new Error('the GIF file is damaged')
    const known = code < next ? code : previous
    const size = sizes[known]!
    let place = to + size
    for (let each = known; place > to; each = before[each]!) {
      place -= 1
      if (place < length) out[place] = last[each]!
    }
    const first = out[to]!
    to += size
    if (code === next && to < length) out[to++] = first
    if (previous >= 0 && next < MOST_CODES) {
      before[next] = previous
      last[next] = first
      sizes[next] = sizes[previous]! + 1
      next += 1
      if (next === 1 << bits && bits < 12) bits += 1
    }
    previous = code
  }
  return out
}
