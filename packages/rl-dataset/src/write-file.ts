import { InputError, writeFileAtomic } from '@lever/durable-files'
import { lstat } from 'node:fs/promises'
import { gzipSync } from 'node:zlib'
import { encodeRlData, type EncodedRlData, type EncodeOptions } from './encode.ts'
import type { RlData } from './types.ts'

export interface WriteOptions extends EncodeOptions {
  /** Replace a file that is there. Default false. */
  readonly overwrite?: boolean
}

/**
 * Writes RL data to a new file, whole or not at all. Without `format` the name decides: `.jsonl` is a journal, all else JSON;
 * `.gz` packs it.
 *
 * @throws InputError when the file is there, or cannot be written.
 */
export async function writeRlData(
  path: string,
  data: RlData,
  options: WriteOptions = {},
): Promise<EncodedRlData> {
  const { overwrite = false, ...encode } = options
  const packed = path.endsWith('.gz')
  const name = packed ? path.slice(0, -3) : path
  const format = encode.format ?? (name.endsWith('.jsonl') ? 'jsonl' : 'json')
  if (!overwrite && (await exists(path))) {
    throw new InputError(`rl-dataset: ${path} is there already; nothing is overwritten, choose another name`)
  }
  const encoded = encodeRlData(data, { ...encode, format })
  await writeFileAtomic(path, packed ? gzipSync(encoded.bytes) : encoded.bytes)
  return encoded
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  )
}
