import { journalHeaderLine, journalLine, type JournalEntry } from '@lever/durable-files'
import { bytesInMemory } from '@lever/json-text'
import { refuseUnknownOptions } from '@lever/durable-files/known-options'
import { loadAll, openRlSource, type LoadedRlData, type ReadOptions, READ_OPTIONS } from './source.ts'

/**
 * RL data out of the header and the entries of a journal that is in memory, as `readJournal` of durable-files gives them.
 * The result does not depend on the order of the entries: queries are sorted by id, candidates by `rank`, then by pointer.
 *
 * @throws InputError as `readRlData`
 */
export function toRlData(
  header: unknown,
  entries: Iterable<JournalEntry<unknown>>,
  options: ReadOptions = {},
): LoadedRlData {
  refuseUnknownOptions(options, READ_OPTIONS, 'rl-dataset: toRlData')
  const parts = [Buffer.from(journalHeaderLine(header, JSON.stringify))]
  for (const { key, value } of entries) parts.push(Buffer.from(journalLine(key, value, JSON.stringify)))
  return loadAll(openRlSource(bytesInMemory(Buffer.concat(parts)), options))
}
