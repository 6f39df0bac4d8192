import { readFile } from 'node:fs/promises'
import { ImageError } from '../onnx/images.ts'
import { decodePlainPng } from './png.ts'
import type { Transformers } from '../onnx/transformers.ts'

/**
 * Pixels of an image file of any format that transformers.js (sharp) reads.
 *
 * @param bytes of the file, when they were read already
 * @throws ImageError
 */
export async function readImage(
  { RawImage }: typeof Transformers,
  path: string,
  bytes?: Uint8Array,
): Promise<Transformers.RawImage> {
  try {
    const file = bytes ?? (await readFile(path))
    const plain = decodePlainPng(Buffer.from(file.buffer, file.byteOffset, file.byteLength))
    if (plain !== undefined) return new RawImage(plain.data, plain.width, plain.height, plain.channels)
    return await RawImage.fromBlob(new Blob([file]))
  } catch (cause) {
    throw new ImageError(path, `read the image ${path}`, cause)
  }
}
