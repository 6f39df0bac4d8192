import { expect, test } from '@jest/globals'
import { readdirSync, readFileSync } from 'node:fs'
import { crc32, deflateSync } from 'node:zlib'
import { RawImage } from '@huggingface/transformers'
import { decodePlainPng } from '../../src/pixels/png.ts'
import { bundled, counter } from '../support/world.ts'

async function stock(file: Buffer): Promise<unknown> {
  const { width, height, channels, data } = await RawImage.fromBlob(new Blob([new Uint8Array(file)]))
  return { width, height, channels, data: [...data] }
}

const listed = (file: Buffer): unknown => {
  const pixels = decodePlainPng(file)
  return pixels && { ...pixels, data: [...pixels.data] }
}

function chunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type), data])
  const ends = Buffer.alloc(8)
  ends.writeUInt32BE(data.length, 0)
  ends.writeUInt32BE(crc32(body), 4)
  return Buffer.concat([ends.subarray(0, 4), body, ends.subarray(4)])
}

/** A PNG of random bytes whose lines have the given filters; any bytes are a valid image. */
function png(
  filters: readonly number[],
  { width = 9, colour = 2, depth = 8, interlace = 0, extra = [] as Buffer[] } = {},
): Buffer {
  const next = counter(width + colour)
  const lines = filters.flatMap((filter) => [
    filter,
    ...Array.from({ length: width * (colour === 6 ? 4 : 3) }, () => next(256)),
  ])
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(filters.length, 4)
  header.set([depth, colour, 0, 0, interlace], 8)
  const data = deflateSync(Uint8Array.from(lines))
  return Buffer.concat([
    Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]),
    chunk('IHDR', header),
    ...extra,
    chunk('IDAT', data.subarray(0, 20)),
    chunk('IDAT', data.subarray(20)),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

test.each([
  ['every filter, RGB', png([0, 1, 2, 3, 4, 4, 3, 2, 1])],
  ['every filter, RGBA', png([4, 3, 2, 1, 0, 1, 2, 3, 4], { colour: 6 })],
  ['one pixel', png([4], { width: 1 })],
])('%s: the pixels of the general decoder', async (_, file) => {
  expect(listed(file)).toEqual(await stock(file))
})

const text = (type: string, keyword: string): Buffer => chunk(type, Buffer.from(`${keyword}\0text`))

test.each([
  ['texts', [text('tEXt', 'Comment'), text('tEXt', 'Software')]],
  [
    'gamma, primaries and size',
    [chunk('gAMA', Buffer.from([0, 0, 0xb1, 0x8f])), chunk('pHYs', Buffer.alloc(9, 1))],
  ],
  ['sRGB', [chunk('sRGB', Buffer.alloc(1))]],
  [
    'a date and a background',
    [chunk('tIME', Buffer.from([7, 234, 1, 2, 3, 4, 5])), chunk('bKGD', Buffer.alloc(6))],
  ],
])('%s beside the image change nothing', async (_, extra) => {
  const file = png([0, 1, 2, 3, 4], { extra })
  expect(listed(file)).toEqual(await stock(file))
})

test('images of the bundled world', async () => {
  const folder = `${bundled}world/images/`
  for (const name of readdirSync(folder).sort().slice(0, 10)) {
    const file = readFileSync(folder + name)
    expect(listed(file)).toEqual(await stock(file))
  }
})

test('anything else is left to the general decoder', () => {
  const plain = png([0, 1, 2])
  const broken = Buffer.from(plain)
  broken[60]! ^= 1
  const others = [
    Buffer.from('no image'),
    plain.subarray(0, plain.length - 12),
    broken,
    png([0, 1], { interlace: 1 }),
    png([0, 1], { depth: 16 }),
    png([0, 1], { extra: [chunk('tRNS', Buffer.alloc(6))] }),
    png([0, 1], { extra: [chunk('eXIf', Buffer.from('II*\0'))] }),
    png([0, 1], { extra: [text('tEXt', 'Raw profile type exif')] }),
    png([0, 1], { extra: [text('zTXt', 'Raw profile type APP1')] }),
    png([0, 1], { extra: [text('iTXt', 'XML:com.adobe.xmp')] }),
    png([0, 1], { extra: [chunk('iCCP', Buffer.alloc(6))] }),
    png([0, 7]),
    Buffer.alloc(0),
  ]
  expect(others.map((file) => decodePlainPng(file))).toEqual(others.map(() => undefined))
})
