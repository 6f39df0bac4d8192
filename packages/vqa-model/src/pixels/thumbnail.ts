import { readFile } from 'node:fs/promises'
import { extname } from 'node:path'
import { readImage } from './read-image.ts'
import { loadTransformers } from '../onnx/transformers.ts'

export interface ThumbnailOptions {
  /** Longest side in pixels. */
  readonly size?: number
  /** Of WebP, 1 to 100. */
  readonly quality?: number
  /** A file that a browser can show and that has at most so many bytes is taken as it is. */
  readonly asIs?: number
}

const SHOWN: ReadonlyMap<string, string> = new Map([
  ['.png', 'image/png'],
  ['.jpg', 'image/jpeg'],
  ['.jpeg', 'image/jpeg'],
  ['.webp', 'image/webp'],
  ['.gif', 'image/gif'],
])

/**
 * A small image for a page, as a data URI: WebP, or the file itself where it is small. Equal files give
 * equal URIs.
 *
 * @throws Error naming the file when it is no image that can be read
 */
export async function makeThumbnail(
  path: string,
  { size = 96, quality = 70, asIs = 2048 }: ThumbnailOptions = {},
): Promise<string> {
  const type = SHOWN.get(extname(path).toLowerCase())
  if (type !== undefined) {
    const bytes = await readFile(path)
    if (bytes.length <= asIs) return dataUri(type, bytes)
  }
  const image = await readImage(await loadTransformers(), path)
  const scale = Math.min(1, size / Math.max(image.width, image.height))
  const [width, height] = [image.width, image.height].map((side) => Math.max(1, Math.round(side * scale)))
  const webp = await image.toSharp().resize({ width, height, fit: 'fill' }).webp({ quality }).toBuffer()
  return dataUri('image/webp', webp)
}

function dataUri(type: string, bytes: Uint8Array): string {
  return `data:${type};base64,${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64')}`
}
