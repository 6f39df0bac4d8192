import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32, deflateSync } from 'node:zlib'

/** Writes RGB PNG files of noise with a colour cast each; the sizes are repeated in turn. */
export async function writeImages(
  folder: string,
  count: number,
  sizes: readonly (readonly [number, number])[] = [[56, 56]],
): Promise<string[]> {
  await mkdir(folder, { recursive: true })
  return Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const [width, height] = sizes[i % sizes.length]!
      const path = join(folder, `${i}.png`)
      await writeFile(path, png(width, height, i + 1))
      return path
    }),
  )
}

function png(width: number, height: number, seed: number): Buffer {
  const raw = Buffer.alloc(height * (1 + 3 * width))
  let state = seed * 2654435761
  const cast = [seed % 7, seed % 5, seed % 3]
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < 3 * width; x++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      raw[y * (1 + 3 * width) + 1 + x] = 40 * cast[x % 3]! + ((state >>> 24) % 16)
    }
  }
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, 2, 0, 0, 0], 8)
  const signature = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10])
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(raw)),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type), data])
  const length = Buffer.alloc(4)
  length.writeUInt32BE(data.length)
  const sum = Buffer.alloc(4)
  sum.writeUInt32BE(crc32(body))
  return Buffer.concat([length, body, sum])
}
