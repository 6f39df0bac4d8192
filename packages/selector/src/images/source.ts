import { InputError } from '@lever/durable-files'
import { imageLimits, readImageFile } from '@lever/vqa-model'

/** An image: bytes of a file, a data URI, the path of a file, or an http(s) URL where that is allowed. */
export type ImageSource = string | Uint8Array | URL

/** What of images may be opened. */
export interface ImageRules {
  /** May a text be the path of a file here? */
  readonly allowPaths: boolean
  /** May this URL be fetched? Asked again for every redirection. */
  readonly allowUrl: (url: URL) => boolean
  /** Most bytes of an image. */
  readonly maxBytes: number
}

/** The bytes of an image, and what messages call it. */
export interface ReadImage {
  readonly name: string
  readonly bytes: Uint8Array
}

/** @throws InputError if it is not allowed, is not there, or has too many bytes */
export async function readImageSource(source: ImageSource, rules: ImageRules): Promise<ReadImage> {
  if (source instanceof Uint8Array) return checked('the image', source, rules)
  const text = String(source)
  if (/^data:/i.test(text)) return checked('the data URI', decodeDataUri(text), rules)
  if (/^https?:\/\//i.test(text)) return checked(text, await fetchImage(new URL(text), rules), rules)
  if (source instanceof URL || /^[a-z][a-z0-9+.-]+:\/\//i.test(text)) {
    throw new InputError(`selector: ${text} is not http or https; give bytes, a data URI or a path`)
  }
  if (!rules.allowPaths) {
    throw new InputError(
      'selector: the image is a path, and no files are opened here; give its bytes, or a data URI',
    )
  }
  try {
    return { name: text, bytes: await readImageFile(text, { ...imageLimits(), bytes: rules.maxBytes }) }
  } catch (cause) {
    throw new InputError((cause as Error).message.replace(/^vqa-model/, 'selector'), { cause })
  }
}

function checked(name: string, bytes: Uint8Array, { maxBytes }: ImageRules): ReadImage {
  if (bytes.length === 0) throw new InputError(`selector: ${shown(name)} is empty; give an image`)
  if (bytes.length <= maxBytes) return { name: shown(name), bytes }
  throw new InputError(
    `selector: ${shown(name)} has ${bytes.length} bytes, and at most ${maxBytes} are read; make it smaller`,
  )
}

function shown(name: string): string {
  return name.length > 100 ? `${name.slice(0, 97)}...` : name
}

function decodeDataUri(text: string): Uint8Array {
  const comma = text.indexOf(',')
  const head = text.slice(5, comma)
  if (comma < 0 || (head !== '' && !/^[\w.+-]+\/[\w.+-]+(;|$)/.test(head) && !head.startsWith(';'))) {
    throw new InputError('selector: the image is not a data URI; write data:image/png;base64,...')
  }
  const data = text.slice(comma + 1)
  if (!/;base64$/i.test(head)) {
    const byte = (_: string, hex: string): string => String.fromCharCode(parseInt(hex, 16))
    return Buffer.from(data.replace(/%([0-9a-f]{2})/gi, byte), 'latin1')
  }
  if (!/^[A-Za-z0-9+/_\s-]*={0,2}\s*$/.test(data)) {
    throw new InputError('selector: the data URI of the image is not base64; encode it again')
  }
  return Buffer.from(data, 'base64')
}

const REDIRECTIONS = 3
const FETCH_MS = 10_000

async function fetchImage(first: URL, { allowUrl, maxBytes }: ImageRules): Promise<Uint8Array> {
  let url = first
  for (let hop = 0; hop <= REDIRECTIONS; hop++) {
    if (!allowUrl(url)) {
      throw new InputError(
        `selector: the image is at ${url.origin}, which may not be asked here; give its bytes, or a data URI`,
      )
    }
    const response = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(FETCH_MS) }).catch(
      (cause: unknown) => {
        throw new InputError(`selector: cannot fetch the image at ${url.origin} (${String(cause)})`, {
          cause,
        })
      },
    )
    const next = response.headers.get('location')
    if (response.status >= 300 && response.status < 400 && next !== null) {
      await response.body?.cancel()
      url = new URL(next, url)
      continue
    }
    if (!response.ok) {
      await response.body?.cancel()
      throw new InputError(`selector: ${url.origin} answers ${response.status} for the image`)
    }
    return readBody(response, maxBytes)
  }
  throw new InputError(`selector: the image at ${first.origin} is redirected more than ${REDIRECTIONS} times`)
}

async function readBody(response: Response, maxBytes: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let size = 0
  for await (const part of response.body ?? []) {
    size += (part as Uint8Array).length
    if (size > maxBytes) {
      throw new InputError(`selector: the image has more than ${maxBytes} bytes; make it smaller`)
    }
    parts.push(part as Uint8Array)
  }
  return Buffer.concat(parts)
}
