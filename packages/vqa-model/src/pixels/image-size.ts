import { open } from 'node:fs/promises'
import type { ImageSize } from './rgb-image.ts'

/** The header of a JPEG may hold a preview before its size. */
const HEAD = 2 ** 18

/**
 * Width and height of a PNG or JPEG file, from its header alone.
 *
 * @returns undefined for other files
 * @throws Error if the file cannot be read
 */
export async function readImageSize(path: string): Promise<ImageSize | undefined> {
  const file = await open(path)
  try {
    const head = Buffer.alloc(HEAD)
    const { bytesRead } = await file.read(head, 0, HEAD, 0)
    return imageSize(head.subarray(0, bytesRead))
  } finally {
    await file.close()
  }
}

/** The same from the first bytes of a file. */
export function imageSize(head: Buffer): ImageSize | undefined {
  if (head.length >= 24 && head.toString('latin1', 0, 8) === '\x89PNG\r\n\x1a\n') {
    return { width: head.readUInt32BE(16), height: head.readUInt32BE(20) }
  }
  if (head.length < 4 || head.readUInt16BE(0) !== 0xffd8) return undefined
  for (let at = 2; at + 9 <= head.length;) {
    const marker = head[at + 1]!
    if (head[at] !== 0xff) return undefined
    const frame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)
    if (frame) return { width: head.readUInt16BE(at + 7), height: head.readUInt16BE(at + 5) }
    at += marker === 0xff ? 1 : 2 + head.readUInt16BE(at + 2)
  }
  return undefined
}
