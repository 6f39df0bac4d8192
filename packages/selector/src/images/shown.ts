import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { InputError } from '@lever/durable-files'
import { asSeen } from '@lever/vqa-model'

/** An image as a model is sent it: upright, opaque, of 8 bits. */
export interface SentImage {
  /** `image/png` and the like. */
  readonly type: string
  readonly bytes: Uint8Array
}

/** Images of prompts, by their path in the bundle; what was not used for longest goes first. */
export interface ShownImages {
  ofBundle(path: string): Promise<SentImage>
  ofQuery(bytes: Uint8Array): Promise<SentImage>
}

/** @param budget bytes that are kept */
export function createShownImages(folder: string, budget: number): ShownImages {
  const kept = new Map<string, SentImage>()
  let size = 0
  return {
    async ofBundle(path) {
      const known = kept.get(path)
      if (known !== undefined) {
        kept.delete(path)
        kept.set(path, known)
        return known
      }
      const file = join(folder, path)
      const bytes = await readFile(file).catch((cause: unknown) => {
        throw new InputError(
          `selector: ${file} cannot be read, though the library names it; copy the bundle again`,
          { cause },
        )
      })
      const sent = await seen(bytes, file)
      kept.set(path, sent)
      size += sent.bytes.length
      for (const [oldest, { bytes: old }] of kept) {
        if (size <= budget || oldest === path) break
        kept.delete(oldest)
        size -= old.length
      }
      return sent
    },
    ofQuery: (bytes) => seen(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), 'the image'),
  }
}

async function seen(bytes: Buffer, name: string): Promise<SentImage> {
  return asSeen(bytes).catch((cause: unknown) => {
    throw new InputError(`selector: cannot use ${name}: ${(cause as Error).message}`, { cause })
  })
}

export function dataUri({ type, bytes }: SentImage): string {
  return `data:${type};base64,${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')}`
}
