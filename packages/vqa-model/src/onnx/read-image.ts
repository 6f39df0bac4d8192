import { readFile } from 'node:fs/promises'
import { decodePlainPng } from './png.ts'
import type { Transformers } from './transformers.ts'

/**
 * Reads an image file of any format that transformers.js (sharp) reads.
 *
 * @throws Error naming the file
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
    throw new Error(`vqa-model: cannot read the image ${path}: ${(cause as Error).message}`, { cause })
  }
}
