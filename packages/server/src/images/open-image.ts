import { readImageSource } from '@lever/selector'
import { Refusal } from '../http/refusal.ts'

export interface ImageRules {
  /** most bytes of a file */
  readonly bytes: number
  /** hosts whose images may be fetched, in lower case, with their port where it is not the usual one */
  readonly hosts: readonly string[]
}

/** Longer than any head of a data URI. */
const HEAD = 256

/**
 * The bytes of the image that a request names: a data URI, or a URL of a host that is allowed. Paths of this machine are
 * never opened.
 *
 * @throws Refusal (413) if it is too large, InputError if it is not an image that may be opened
 */
export async function openImage(image: string, { bytes: most, hosts }: ImageRules): Promise<Uint8Array> {
  const size = Math.floor(((image.length - HEAD) * 3) / 4)
  if (size > most) {
    throw new Refusal(
      413,
      `the image has about ${size} bytes, and at most ${most} are read; make it smaller (or --max-image)`,
    )
  }
  const allowUrl = (url: URL): boolean => hosts.includes(url.host)
  return (await readImageSource(image, { allowPaths: false, allowUrl, maxBytes: most })).bytes
}
