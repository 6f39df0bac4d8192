import { open, type FileHandle } from 'node:fs/promises'
import type { Hash } from 'node:crypto'
import { InputError } from '@lever/durable-files/input-error'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import { createCursor, needMore } from './cursor.ts'
import { JsonSyntaxError, placeText } from './errors.ts'
import { fileFault } from './file-fault.ts'
import type { RowHandler } from './row-handler.ts'
import { rowPlace, startRows, stepRows } from './row-steps.ts'
import { descriptorSource, notAFile } from './file-source.ts'
import { CHUNK_BYTES, placeOf } from './source.ts'
import { filled, makeRoom } from './window.ts'

/** Bytes of a file that have been read. */
export interface ReadProgress {
  readonly path: string
  readonly bytesRead: number
  readonly bytesTotal: number
}

/** How a file is read: bytes at a time, progress, a hash that is fed. */
export interface StreamOptions {
  /** Bytes read at a time. Default 1 MiB. */
  readonly chunkSize?: number
  /** Called after every chunk that was read. */
  readonly onProgress?: (progress: ReadProgress) => void
  /** Receives every byte of the file. */
  readonly hash?: Hash
}

export const STREAM_OPTIONS: OptionNames<StreamOptions> = { chunkSize: true, onProgress: true, hash: true }

/**
 * Reads a JSON file of any size row by row, in memory of the longest row.
 *
 * @throws InputError if the file cannot be read or is not JSON, with line, column and byte
 */
export async function streamRows(
  path: string,
  handler: RowHandler,
  options: StreamOptions = {},
): Promise<void> {
  refuseUnknownOptions(options, STREAM_OPTIONS, 'json-text: streamRows')
  const { chunkSize = CHUNK_BYTES, onProgress, hash } = options
  const file = await openFile(path)
  const rows = startRows(handler, path)
  try {
    const bytesTotal = (await file.stat()).size
    const c = createCursor(chunkSize)
    let mark = 0
    for (;;) {
      try {
        while (!stepRows(rows, c)) mark = c.pos
        return
      } catch (error) {
        if (error !== needMore) throw error
      }
      c.pos = mark
      makeRoom(c, chunkSize)
      mark = 0
      const { bytesRead } = await file.read(c.bytes, c.end, c.bytes.length - 1 - c.end)
      hash?.update(c.bytes.subarray(c.end, c.end + bytesRead))
      filled(c, bytesRead)
      if (bytesRead > 0) onProgress?.({ path, bytesRead: c.base + c.end, bytesTotal })
    }
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error
    const place = placeText(placeOf(descriptorSource(file.fd, path), error.offset))
    const detail = `${place}${rowPlace(rows)}: ${error.message}; correct the file`
    throw new InputError(`json-text: ${path}, ${detail}`, { cause: error, detail })
  } finally {
    await file.close()
  }
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    const file = await open(path)
    const stat = await file.stat()
    if (stat.isFile()) return file
    await file.close()
    throw notAFile(stat, path)
  } catch (error) {
    throw fileFault(path, error)
  }
}
