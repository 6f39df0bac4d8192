import { crc32, inflateSync } from 'node:zlib'

export interface Pixels {
  /** [height, width, channels] */
  data: Uint8Array
  width: number
  height: number
  channels: 3 | 4
}

const SIGNATURE = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10])

/**
 * Pixels of a plain PNG file: 8 bits, RGB or RGBA, not interlaced, nothing in it but the image.
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
    else return undefined
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

/** Undoes the filter of each line (PNG specification, section 9). */
function unfilter(lines: Buffer, stride: number, height: number, step: number): Uint8Array | undefined {
  const data = new Uint8Array(stride * height)
  for (let y = 0; y < height; y++) {
    const kind = lines[y * (stride + 1)]!
    if (kind > 4) return undefined
    const from = y * (stride + 1) + 1
    const to = y * stride
    for (let x = 0; x < stride; x++) {
      const left = x >= step ? data[to + x - step]! : 0
      const up = y > 0 ? data[to + x - stride]! : 0
      const corner = x >= step && y > 0 ? data[to + x - stride - step]! : 0
      data[to + x] = (lines[from + x]! + predict(kind, left, up, corner)) & 255
    }
  }
  return data
}

function predict(kind: number, left: number, up: number, corner: number): number {
  switch (kind) {
    case 1:
      return left
    case 2:
      return up
    case 3:
      return (left + up) >> 1
    case 4:
      return paeth(left, up, corner)
    default:
      return 0
  }
}

function paeth(left: number, up: number, corner: number): number {
  const guess = left + up - corner
  const a = Math.abs(guess - left)
  const b = Math.abs(guess - up)
  const c = Math.abs(guess - corner)
  if (a <= b && a <= c) return left
  return b <= c ? up : corner
}
