import { InputError, writeFileAtomic } from '@lever/durable-files'
import { lstat } from 'node:fs/promises'
import { gzipSync } from 'node:zlib'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import {
  encodeRlData,
  type EncodedRlData,
  type EncodeOptions,
  type RlFormat,
  ENCODE_OPTIONS,
} from './encode.ts'
import type { RlData } from './types.ts'

/** The form of a file of RL data, and whether one that exists is replaced. */
export interface WriteOptions extends EncodeOptions {
  /** Replace a file that is there. Default false. */
  readonly overwrite?: boolean
}

export const WRITE_OPTIONS: OptionNames<WriteOptions> = { overwrite: true, format: true, history: true }

/**
 * Writes RL data to a new file, whole or not at all. Without `format` the name decides: `.jsonl` is a journal, all else JSON;
 * `.gz` packs it.
 *
 * @throws InputError if the file is there, or cannot be written.
 */
export async function writeRlData(
  path: string,
  data: RlData,
  options: WriteOptions = {},
): Promise<EncodedRlData> {
  refuseUnknownOptions(options, WRITE_OPTIONS, 'rl-dataset: writeRlData')
  const { overwrite = false, ...encode } = options
  if (!overwrite && (await exists(path))) {
    throw new InputError(`rl-dataset: ${path} is there already; nothing is overwritten, choose another name`)
  }
  const encoded = encodeRlFile(path, data, encode)
  await writeFileAtomic(path, encoded.bytes)
  return encoded
}

/** RL data as the bytes of a file of this name: without `format`, `.jsonl` is a journal, all else JSON; `.gz` packs it. */
export function encodeRlFile(path: string, data: RlData, options: EncodeOptions = {}): EncodedRlData {
  refuseUnknownOptions(options, ENCODE_OPTIONS, 'rl-dataset: encodeRlFile')
  const packed = path.endsWith('.gz')
  const encoded = encodeRlData(data, { ...options, format: options.format ?? formatOf(path) })
  return packed ? { ...encoded, bytes: gzipSync(encoded.bytes) } : encoded
}

/** The form that the name of a file asks for. */
export function formatOf(path: string): RlFormat {
  return /\.jsonl(\.gz)?$/.test(path) ? 'jsonl' : 'json'
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  )
}
