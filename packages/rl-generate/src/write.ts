import { writeFileAtomic } from '@lever/durable-files'
import { encodeRlData } from '@lever/rl-dataset'
import { readRlData } from '@lever/rl-dataset/node'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'

/** The journal, and the file that it becomes. */
export interface WriteRlDataOptions {
  /** Journal of a run, finished or not, or of merged shards. */
  journal: string
  /** Path of the canonical JSON file, which is replaced. */
  out: string
}

export const WRITE_RL_DATA_OPTIONS: OptionNames<WriteRlDataOptions> = { journal: true, out: true }

/**
 * Writes what a journal holds as one canonical JSON file: queries by id, candidates by rank. The
 * bytes depend on the outcomes only, not on the order in which they were measured.
 *
 * @throws InputError if the journal cannot be read or is faulty
 */
export async function writeRlData(
  options: WriteRlDataOptions,
): Promise<{ queries: number; candidates: number }> {
  refuseUnknownOptions(options, WRITE_RL_DATA_OPTIONS, 'rl-generate: writeRlData')
  const { journal, out } = options
  const { bytes, queries, candidates } = encodeRlData(await readRlData(journal))
  await writeFileAtomic(out, bytes)
  return { queries, candidates }
}
