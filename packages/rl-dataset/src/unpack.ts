import { gunzipSync } from 'node:zlib'
import { UNPACK_VARIABLE } from '@lever/json-text/node'
import { problemIn } from './problems.ts'

/**
 * What a gzip file holds.
 *
 * @throws InputError if it is damaged, or holds more than `maxBytes`
 */
export function unpackGzip(bytes: Uint8Array, maxBytes: number, file: string): Uint8Array {
  try {
    return gunzipSync(bytes, { maxOutputLength: maxBytes })
  } catch (error) {
    const { code, message } = error as { code?: string; message: string }
    const why =
      code === 'ERR_BUFFER_TOO_LARGE'
        ? `the file unpacks to more than ${maxBytes} bytes, the limit for packed files; if it should be that large, unpack it with gunzip and give the unpacked file, or set ${UNPACK_VARIABLE}`
        : `damaged gzip data (${message})`
    throw problemIn(file, why)
  }
}
