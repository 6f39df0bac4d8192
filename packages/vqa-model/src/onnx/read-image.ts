import { readFile } from 'node:fs/promises'
import { ImageError } from './images.ts'
import { decodePlainPng } from './png.ts'
import type { Transformers } from './transformers.ts'

/**
 * Reads an image file of any format that transformers.js (sharp) reads.
 *
 * @throws ImageError
 */
export async function readImage(
  { RawImage }: typeof Transformers,
  path: string,
): Promise<Transformers.RawImage> {
  try {
    const bytes = await readFile(path)
    const plain = decodePlainPng(bytes)
    if (plain !== undefined) return new RawImage(plain.data, plain.width, plain.height, plain.channels)
    return await RawImage.fromBlob(new Blob([bytes]))
  } catch (cause) {
    throw new ImageError(path, `read the image ${path}`, cause)
  }
}
