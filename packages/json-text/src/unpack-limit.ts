import { InputError } from '@lever/durable-files/input-error'

/** The environment variable that limits what packed files may hold, in bytes. */
export const UNPACK_VARIABLE = 'LEVER_MAX_UNPACKED_BYTES'

const DEFAULT_MAX_UNPACKED_BYTES: number = 2 ** 30

/**
 * What one packed file, or one packed part of a file, may unpack to, bytes: 1 GiB, or what
 * `LEVER_MAX_UNPACKED_BYTES` says.
 *
 * @throws InputError if the variable does not hold a number of bytes
 */
export function unpackLimit(text: string | undefined = process.env[UNPACK_VARIABLE]): number {
  if (text === undefined || text === '') return DEFAULT_MAX_UNPACKED_BYTES
  const bytes = Number(text)
  if (Number.isSafeInteger(bytes) && bytes > 0) return bytes
  throw new InputError(
    `json-text: ${UNPACK_VARIABLE} is "${text}"; give a number of bytes, such as ${DEFAULT_MAX_UNPACKED_BYTES}`,
  )
}
