import { writeFileAtomic } from '@lever/durable-files'
import { encodeRlData } from '@lever/rl-dataset'
import { readRlData } from '@lever/rl-dataset/node'

export interface WriteRlDataOptions {
  /** Journal of a run, finished or not, or of merged shards. */
  journal: string
  /** Path of the canonical JSON file, which is replaced. */
  out: string
}

/**
 * Writes what a journal holds as one canonical JSON file: queries by id, candidates by rank. The
 * bytes depend on the outcomes only, not on the order in which they were measured.
 *
 * @throws InputError if the journal cannot be read or is faulty
 */
export async function writeRlData({
  journal,
  out,
}: WriteRlDataOptions): Promise<{ queries: number; candidates: number }> {
  const { bytes, queries, candidates } = encodeRlData(await readRlData(journal))
  await writeFileAtomic(out, bytes)
  return { queries, candidates }
}
