import type { Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { InputError } from '@lever/durable-files'

/** Feeds the bytes of a file to a hash. @throws InputError if it cannot be read */
export async function feedFile(path: string, hash: Hash): Promise<void> {
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer)
  } catch (error) {
    throw new InputError(`vqa-dataset: cannot read ${path}: ${(error as Error).message}`, { cause: error })
  }
}
