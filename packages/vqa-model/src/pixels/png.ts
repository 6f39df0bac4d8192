import { crc32, inflateSync } from 'node:zlib'

export interface Pixels {
  /** [height, width, channels] */
  data: Uint8Array
  width: number
  height: number
  channels: 3 | 4
}

const SIGNATURE = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10])

/** Chunks that no reader's pixels depend on: sizes, gamma and primaries that are not applied, dates, backgrounds. */
const IGNORED: ReadonlySet<string> = new Set(['pHYs', 'tIME', 'gAMA', 'cHRM', 'sRGB', 'sBIT', 'bKGD'])
const TEXTS: ReadonlySet<string> = new Set(['tEXt', 'zTXt', 'iTXt'])
/** Keywords of texts that may hold EXIF data or XMP, and so the orientation. */
const MAY_TURN = /^(raw profile type|xml:com\.adobe\.xmp)/i

/**
 * Pixels of a plain PNG file: 8 bits, RGB or RGBA, not interlaced, nothing beside the image that could change it.
 * Several times faster than the general decoder for small images, with the same pixels.
 *
 * @returns undefined for any other file, and for a damaged one, which the general decoder then names
 */
export function decodePlainPng(file: Buffer): Pixels | undefined {
  if (!file.subarray(0, 8).equals(SIGNATURE)) return undefined
  const parts: Buffer[] = []
  let header: Buffer | undefined
  let ended = false
  for (let at = 8; at + 12 <= file.length && !ended;) {
    const length = file.readUInt32BE(at)
    const type = file.toString('latin1', at + 4, at + 8)
    const body = file.subarray(at + 8, at + 8 + length)
    if (at + 12 + length > file.length) return undefined
    if (crc32(file.subarray(at + 4, at + 8 + length)) !== file.readUInt32BE(at + 8 + length)) return undefined
    if (type === 'IHDR') header = body
    else if (type === 'IDAT') parts.push(body)
    else if (type === 'IEND') ended = true
    else if (TEXTS.has(type) ? MAY_TURN.test(body.toString('latin1', 0, 80)) : !IGNORED.has(type)) {
      return undefined
    }
    at += 12 + length
  }
  if (!ended || header?.length !== 13 || parts.length === 0) return undefined
  const [depth, colour, compression, filter, interlace] = header.subarray(8)
  if (depth !== 8 || (colour !== 2 && colour !== 6) || compression !== 0 || filter !== 0 || interlace !== 0) {
    return undefined
  }
  const width = header.readUInt32BE(0)
  const height = header.readUInt32BE(4)
  const channels = colour === 2 ? 3 : 4
  const size = height * (width * channels + 1)
  if (width === 0 || height === 0 || size > MOST_BYTES) return undefined
  const lines = inflate(Buffer.concat(parts), size)
  if (lines?.length !== size) return undefined
  const data = unfilter(lines, width * channels, height, channels)
  return data === undefined ? undefined : { data, width, height, channels }
}

const MOST_BYTES = 64 * 2 ** 20

function inflate(bytes: Buffer, size: number): Buffer | undefined {
  try {
    return inflateSync(bytes, { maxOutputLength: size })
  } catch {
    return undefined
  }
}

/** Undoes the filter of each line (PNG specification, section 9). What lies outside of the image is 0. */
function unfilter(lines: Buffer, stride: number, height: number, step: number): Uint8Array | undefined {
  const data = new Uint8Array(stride * height)
  let above: Uint8Array = new Uint8Array(stride)
  for (let y = 0; y < height; y++) {
    const from = y * (stride + 1)
    const line = data.subarray(y * stride, (y + 1) * stride)
    line.set(lines.subarray(from + 1, from + 1 + stride))
    const undo = FILTERS[lines[from]!]
    if (undo === undefined) return undefined
    undo(line, above, step)
    above = line
  }
  return data
}

/** By its number in the file: adds to the bytes of a line, in place, what the filter took away. */
const FILTERS: readonly ((line: Uint8Array, above: Uint8Array, step: number) => void)[] = [
  () => undefined,
  (line, _, step) => {
    for (let x = step; x < line.length; x++) line[x]! += line[x - step]!
  },
  (line, above) => {
    for (let x = 0; x < line.length; x++) line[x]! += above[x]!
  },
  (line, above, step) => {
    for (let x = 0; x < line.length; x++) line[x]! += ((x < step ? 0 : line[x - step]!) + above[x]!) >> 1
  },
  (line, above, step) => {
    for (let x = 0; x < step; x++) line[x]! += above[x]!
    for (let x = step; x < line.length; x++) line[x]! += paeth(line[x - step]!, above[x]!, above[x - step]!)
  },
]

function paeth(left: number, up: number, corner: number): number {
  const a = Math.abs(up - corner)
  const b = Math.abs(left - corner)
  const c = Math.abs(left + up - 2 * corner)
  if (a <= b && a <= c) return left
  return b <= c ? up : corner
}
