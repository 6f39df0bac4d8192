import { bytesInMemory, type ByteSource } from '@lever/json-text'
import { openFileSource, readWholeFile, unpackLimit } from '@lever/json-text/node'
import { refuseUnknownOptions, type OptionNames, pickOptions } from '@lever/durable-files/known-options'
import {
  loadAll,
  openRlSource,
  READ_OPTIONS,
  type LoadedRlData,
  type ReadOptions,
  type RlSource,
} from './source.ts'
import { unpackGzip } from './unpack.ts'

/** How a file of RL data is read. */
export interface ReadFileOptions extends ReadOptions {
  /** Size of what a packed file may hold, bytes. Default `unpackLimit()`: 1 GiB, or LEVER_MAX_UNPACKED_BYTES. */
  readonly maxUnpackedBytes?: number
}

export const READ_FILE_OPTIONS: OptionNames<ReadFileOptions> = {
  maxUnpackedBytes: true,
  file: true,
  indexSpace: true,
  shotNum: true,
  limit: true,
}

/** An open file of RL data. Close it. */
export interface RlFile extends RlSource {
  close(): void
}

/**
 * Opens a file of RL data to read its queries one at a time, in the order of their ids: JSON of any shape, JSON packed with
 * gzip, or a journal. Memory holds the index and one query; a packed file is unpacked in memory.
 *
 * @throws InputError if the file cannot be read, is not RL data, or unpacks to more than `maxUnpackedBytes`
 */
export function openRlFile(path: string, options: ReadFileOptions = {}): RlFile {
  refuseUnknownOptions(options, READ_FILE_OPTIONS, 'rl-dataset: openRlFile')
  const { file = path } = options
  const bytes = openFileSource(path, file)
  try {
    const source = openRlSource(unpacked(bytes, file, options), {
      ...pickOptions<ReadOptions>(options, READ_OPTIONS),
      file,
    })
    return { ...source, close: () => bytes.close() }
  } catch (error) {
    bytes.close()
    throw error
  }
}

/**
 * The data of one file: JSON of any shape L1 to L13, JSON packed with gzip, or a journal.
 *
 * @throws InputError for the first error of the file, with file, query id and candidate number
 */
export async function readRlData(path: string, options: ReadFileOptions = {}): Promise<LoadedRlData> {
  refuseUnknownOptions(options, READ_FILE_OPTIONS, 'rl-dataset: readRlData')
  const { file = path } = options
  const bytes = bytesInMemory(await readWholeFile(path, file))
  return loadAll(
    openRlSource(unpacked(bytes, file, options), {
      ...pickOptions<ReadOptions>(options, READ_OPTIONS),
      file,
    }),
  )
}

function unpacked(
  source: ByteSource,
  file: string,
  { maxUnpackedBytes = unpackLimit() }: ReadFileOptions,
): ByteSource {
  const head = source.read(0, Math.min(source.size, 2))
  if (head[0] !== 0x1f || head[1] !== 0x8b) return source
  return bytesInMemory(unpackGzip(source.read(0, source.size), maxUnpackedBytes, file))
}
