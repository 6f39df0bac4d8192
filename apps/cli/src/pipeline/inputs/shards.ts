import { createReadStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { InputError } from '@lever/durable-files'
import type { MergeReport } from '@lever/rl-generate'

/** Are these journals of shards of a generation, all of them? */
export async function areShards(files: readonly string[]): Promise<boolean> {
  const found = await Promise.all(files.map(isShard))
  return found.every(Boolean)
}

/**
 * Joins shards into a journal, or into the canonical JSON that one run would have written.
 * @throws InputError when the shards do not belong together, or something is missing and `partial` is false
 */
export async function joinShards(
  files: readonly string[],
  out: string,
  partial: boolean,
): Promise<MergeReport> {
  const { mergeShards, writeRlData } = await import('@lever/rl-generate')
  if (out.endsWith('.jsonl')) return mergeShards({ paths: files, out, partial })
  if (!out.endsWith('.json')) {
    throw new InputError(
      `--out: shards are joined into a .jsonl or .json file; give such a name in place of ${out}`,
    )
  }
  const folder = await mkdtemp(join(tmpdir(), 'lever-merge-'))
  try {
    const journal = join(folder, 'merged.jsonl')
    const report = await mergeShards({ paths: files, out: journal, partial })
    await writeRlData({ journal, out })
    return report
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
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
