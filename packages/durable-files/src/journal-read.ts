import { canonicalJson } from './canonical-json.ts'
import { InputError } from './errors.ts'
import { scanJournal } from './journal-scan.ts'

/** A key with the value of its first line. */
export interface JournalEntry<T> {
  key: string
  value: T
}

/** All that a journal holds. */
export interface JournalContent<T> {
  header: unknown
  /** First value of every key, in the order of the file. */
  entries: JournalEntry<T>[]
  /** Bytes of a torn last line, which is left in the file. */
  tornBytes: number
  /** Later lines whose value differs from the first one of their key. */
  conflicts: number
}

/** What a journal that was read entry by entry held. */
export interface JournalSummary {
  header: unknown
  lines: number
  tornBytes: number
}

/**
 * Reads a whole journal without a lock and without changing it; a writer may be at work.
 *
 * @throws InputError if it is not a journal, or for a corrupt line, with its number
 */
export async function readJournal<T>(path: string): Promise<JournalContent<T>> {
  const first = new Map<string, T>()
  let conflicts = 0
  const { header, tornBytes } = await eachJournalLine(path, (key, value) => {
    if (!first.has(key)) first.set(key, value as T)
    else if (canonicalJson(first.get(key)) !== canonicalJson(value)) conflicts += 1
  })
  const entries = Array.from(first, ([key, value]) => ({ key, value }))
  return { header, entries, tornBytes, conflicts }
}

/**
 * Calls `onLine` for every line of a journal, repeated keys included, in bounded memory.
 *
 * @throws as {@link readJournal}
 */
export async function eachJournalLine(
  path: string,
  onLine: (key: string, value: unknown, lineNumber: number) => void,
): Promise<JournalSummary> {
  const scan = await scanJournal(path, ({ key, value, number }) => onLine(key, value, number))
  if (scan === undefined) throw new InputError(`durable-files: ${path} is empty; a journal has a header line`)
  return { header: scan.header, lines: scan.lines, tornBytes: scan.tornBytes }
}
