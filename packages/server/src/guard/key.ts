import { createHash, timingSafeEqual } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { InputError } from '@lever/durable-files'
import { Refusal } from '../http/refusal.ts'

const LEAST = 16

/** Where the key comes from: the first of these that is given. */
export interface KeySources {
  readonly apiKey: string | undefined
  readonly apiKeyFile: string | undefined
  readonly env: Readonly<Record<string, string | undefined>>
}

/**
 * The key that clients must send; undefined where none is set.
 *
 * @throws InputError if the file cannot be read, or the key is too short or not printable ASCII
 */
export async function readKey({ apiKey, apiKeyFile, env }: KeySources): Promise<string | undefined> {
  const given = apiKey ?? (apiKeyFile === undefined ? env['LEVER_SERVE_KEY'] : await readKeyFile(apiKeyFile))
  const key = given?.trim()
  if (key === undefined || (key === '' && apiKey === undefined && apiKeyFile === undefined)) return undefined
  if (key.length >= LEAST && /^[\x21-\x7e]+$/.test(key)) return key
  throw new InputError(
    `server: the API key must have at least ${LEAST} printable ASCII characters and no spaces; make one with: openssl rand -hex 24`,
  )
}

async function readKeyFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw new InputError(`server: the file of --api-key-file cannot be read: ${(cause as Error).message}`, {
      cause,
    })
  }
}

/** A check of `authorization` headers that takes as long for a wrong key as for the right one. */
export function createKeyCheck(key: string): (header: string | undefined) => void {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  const expected = digest(key)
  return (header) => {
    const given = /^Bearer +(\S+)$/i.exec(header ?? '')?.[1]
    if (given !== undefined && timingSafeEqual(digest(given), expected)) return
    const why = given === undefined ? 'this server wants a key' : 'the key is not the one of this server'
    throw new Refusal(401, `${why}; send the header authorization: Bearer KEY`, {
      headers: { 'www-authenticate': 'Bearer' },
    })
  }
}
