import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { InputError } from '@lever/durable-files'
import type { MergeReport } from '@lever/rl-generate'

/** Are these journals of shards of a generation, all of them? */
export async function areShards(files: readonly string[]): Promise<boolean> {
  const found = await Promise.all(files.map(isShard))
  return found.every(Boolean)
}

/** @throws InputError when the shards do not belong together, or something is missing and `partial` is false */
export async function joinShards(
  files: readonly string[],
  out: string,
  partial: boolean,
): Promise<MergeReport> {
  if (!out.endsWith('.jsonl')) {
    throw new InputError(
      `--out: shards are joined into a journal; give a name that ends in .jsonl in place of ${out}`,
    )
  }
  const { mergeShards } = await import('@lever/rl-generate')
  return mergeShards({ paths: files, out, partial })
}

const MOST = 2 ** 20

async function isShard(file: string): Promise<boolean> {
  const lines = createInterface({ input: createReadStream(file, { end: MOST }) })
  for await (const line of lines) {
    lines.close()
    try {
      const { header } = JSON.parse(line) as { header?: { shard?: unknown } }
      return header?.shard !== undefined
    } catch {
      return false
    }
  }
  return false
}
