import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { InputError, readJournalHeader } from '@lever/durable-files'
import type { MergeReport } from '@lever/rl-generate'

/** Are these journals of shards of a generation, all of them? */
export async function areShards(files: readonly string[]): Promise<boolean> {
  const found = await Promise.all(files.map(isShard))
  return found.every(Boolean)
}

/**
 * Joins shards into a journal, or into the canonical JSON that one run would have written.
 * @throws InputError if the shards do not belong together, or something is missing and `partial` is false
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

async function isShard(file: string): Promise<boolean> {
  const header = (await readJournalHeader(file)) as { readonly shard?: unknown } | null | undefined
  return header?.shard !== undefined
}
