import { isUtf8 } from 'node:buffer'
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { canonicalJson } from './canonical-json.ts'
import { fileError } from './errors.ts'

/*
 * The lines of a journal: first a header {"journal":1,"header":...}, then {"key":...,"value":...}.
 * Everything that writes or reads such a line does it here.
 */

/** The version of the format that is written and read. */
const JOURNAL_VERSION = 1

/** A line of a journal: the first holds the header, every other a key and its value. */
export type JournalLine = { journal: 1; header: unknown } | { key: string; value: unknown }

/** How a value becomes text: {@link canonicalJson}, or `JSON.stringify` where the order of its fields is kept. */
type Encode = (value: unknown) => string

/** The first line of a journal, with its newline. */
export function journalHeaderLine(header: unknown, encode: Encode = canonicalJson): string {
  return `{"journal":${JOURNAL_VERSION},"header":${encode(header)}}\n`
}

/** A line of a journal, with its newline. */
export function journalLine(key: string, value: unknown, encode: Encode = canonicalJson): string {
  return `{"key":${JSON.stringify(key)},"value":${encode(value)}}\n`
}

/** A parsed line, or a phrase that says what is wrong with it. */
export function parseJournalLine(bytes: Uint8Array): JournalLine | string {
  if (!isUtf8(bytes)) return 'it is not UTF-8'
  let line: unknown
  try {
    line = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'))
  } catch {
    return 'it is not JSON'
  }
  return asJournalLine(line)
}

/** The same for a line whose JSON was parsed elsewhere. */
export function asJournalLine(line: unknown): JournalLine | string {
  if (typeof line !== 'object' || line === null) return 'it is not an object'
  if (Object.hasOwn(line, 'journal')) {
    const { journal, header } = line as { journal: unknown; header?: unknown }
    if (journal === JOURNAL_VERSION) return { journal: JOURNAL_VERSION, header: header ?? null }
    return `it is a journal of version ${JSON.stringify(journal)}, this program reads version ${JOURNAL_VERSION}`
  }
  const { key, value } = line as { key?: unknown; value?: unknown }
  if (typeof key !== 'string' || !Object.hasOwn(line, 'value')) {
    return 'it has no "key" (a string) and "value"'
  }
  return { key, value }
}

/** Do the first characters of a file begin a journal? Any version counts, so that reading can name it. */
export function startsLikeJournal(head: string): boolean {
  return /^\s*\{\s*"journal"\s*:/.test(head)
}

/** Longest header that {@link readJournalHeader} looks for, bytes. */
const MAX_HEADER_BYTES = 2 ** 20

/**
 * The header of the journal at `path`, or undefined if the file does not begin with one.
 *
 * @throws InputError if the file cannot be read
 */
export async function readJournalHeader(path: string): Promise<unknown> {
  const input = createReadStream(path, { end: MAX_HEADER_BYTES })
  const lines = createInterface({ input })
  try {
    for await (const text of lines) {
      const line = parseJournalLine(Buffer.from(text))
      return typeof line === 'object' && 'journal' in line ? line.header : undefined
    }
    return undefined
  } catch (error) {
    throw fileError(error, 'read', path)
  } finally {
    lines.close()
    input.destroy()
  }
}
