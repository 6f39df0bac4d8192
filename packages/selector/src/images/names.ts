import { imageFormat } from '@lever/vqa-model'
import { BUNDLE_FILES } from '../bundle/manifest.ts'

/** Name of an image in a bundle: the hash of its bytes, and what they are. */
export function imageName(hash: string, bytes: Uint8Array): string {
  return `${hash}.${imageFormat(bytes) ?? 'image'}`
}

/** A thumbnail, a data URI, as a file of the bundle. */
export function thumbnailFile(hash: string, uri: string): { path: string; bytes: Buffer } {
  const [, type = '', data = ''] = /^data:image\/(\w+);base64,(.*)$/.exec(uri) ?? []
  return { path: `${BUNDLE_FILES.thumbnails}/${hash}.${type}`, bytes: Buffer.from(data, 'base64') }
}
