import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { canonicalJson } from './canonical-json.ts'
import { InputError, systemCode } from './errors.ts'

/** SHA-256, in hex, of the canonical JSON of a value: equal values give equal hashes. */
export function hashOf(value: unknown): string {
  return hashBytes(canonicalJson(value))
}

/** SHA-256, in hex, of bytes or of the UTF-8 of a string. */
export function hashBytes(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex')
}

/**
 * SHA-256, in hex, of a file, read as a stream.
 *
 * @throws InputError if the file is missing or cannot be read
 */
export async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256')
  try {
    await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash)
  } catch (error) {
    throw new InputError(
      `durable-files: cannot read ${path} (${systemCode(error) ?? String(error)}); check the path`,
      { cause: error },
    )
  }
  return hash.digest('hex')
}
