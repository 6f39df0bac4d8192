import type { FileHandle } from 'node:fs/promises'
import { open, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { syncFolder, writeFileAtomic } from './atomic.ts'
import { canonicalJson } from './canonical-json.ts'
import { listDifferences } from './differences.ts'
import { fileError, InputError, systemCode } from './errors.ts'
import { journalHeaderLine, journalLine } from './journal-line.ts'
import type { Scan } from './journal-scan.ts'
import { MAX_LINE, scanJournal } from './journal-scan.ts'
import type { JournalStore } from './journal-store.ts'
import { fileStore, memoryStore } from './journal-store.ts'
import { LineWriter } from './journal-writer.ts'
import type { Lock, LockOptions } from './lock.ts'
import { acquireLock } from './lock.ts'
import { refuseUnknownOptions, type OptionNames } from './known-options.ts'

/** Where a journal is, and what its lines mean. */
export interface JournalOptions<T = unknown> {
  /** File of the journal; one that exists is continued, and its folder must exist. */
  path: string
  /** What fixes the meaning of the lines, e.g. the protocol; another header is refused. */
  header: unknown
  /** More about the refusal of another header, as a clause: why it is another, or what to do. */
  explain?: (there: unknown, here: unknown) => string | undefined
  /** fsync after this many lines, 1 or more. */
  syncEvery?: number
  /** Keep keys and values in memory; if false, 24 to 46 bytes a line, and `get` reads from the file. */
  keepValues?: boolean
  /** Called for every line that is there at opening. */
  onLine?: (key: string, value: T, place: LinePlace) => void
  /** For tests: times of the lock. */
  lock?: LockOptions
}

export const JOURNAL_OPTIONS: OptionNames<JournalOptions> = {
  path: true,
  header: true,
  explain: true,
  syncEvery: true,
  keepValues: true,
  onLine: true,
  lock: true,
}

/** A line of a journal that is being opened. */
export interface LinePlace {
  /** In the file, from 1 (the header). */
  readonly lineNumber: number
  /** Its key was on an earlier line, which counts. */
  readonly repeated: boolean
}

/** An append-only file of keyed values with one writer. The first value of a key stays. */
export interface Journal<T> {
  readonly path: string
  /** What was there at opening: lines after the header, and bytes of a torn last line cut off. */
  readonly resumed: { lines: number; tornBytes: number }
  /** How often a value came that differs from the first one of its key, file and appends together. */
  readonly conflicts: number
  /** Number of keys. */
  readonly size: number
  /** Whether the key has a line. */
  has(key: string): boolean
  /** The value of a key, undefined without one. */
  get(key: string): T | undefined
  /** In the order of the file. */
  entries(): IterableIterator<[string, T]>
  /**
   * Resolves when the operating system has the line, and after fsync at every `syncEvery`th.
   * `same` and `conflict`: the key is there already and nothing was written.
   *
   * @throws TypeError if the value is not JSON; Error when the disk is full: the file then ends
   * in a whole line, the key is free again and the append may be repeated; Error when the file was removed or replaced,
   * which ends the journal
   */
  append(key: string, value: T): Promise<'written' | 'same' | 'conflict'>
  /** Waits for all appends, then fsync. */
  flush(): Promise<void>
  /** Flushes and gives up the lock. */
  close(): Promise<void>
}

/**
 * Opens or creates a journal: a header line `{"journal":1,"header":...}`, then lines
 * `{"key":...,"value":...}`. A torn last line is cut off and reported.
 *
 * @throws InputError for another header (naming what differs), another live writer, a corrupt
 * line (with its number), or a path that cannot be written
 */
export async function openJournal<T>(options: JournalOptions<T>): Promise<Journal<T>> {
  refuseUnknownOptions(options, JOURNAL_OPTIONS, 'durable-files: openJournal')
  const {
    path,
    header,
    explain,
    syncEvery = 32,
    keepValues = true,
    onLine = () => undefined,
    lock: lockOptions = {},
  } = options
  if (!Number.isInteger(syncEvery) || syncEvery < 1) {
    throw new RangeError(`durable-files: syncEvery is ${syncEvery}; use a whole number from 1`)
  }
  const headerText = canonicalJson(header)
  const lock = await acquireLock(path, lockOptions)
  let handle: FileHandle | undefined
  try {
    if (await isMissing(path)) await writeFileAtomic(path, journalHeaderLine(header))
    handle = await open(path, 'r+')
    const store: JournalStore<T> = keepValues ? memoryStore() : fileStore(handle.fd)
    let conflicts = 0
    const scan = await scanJournal(path, ({ key, value, offset, number }) => {
      const repeated = store.has(key)
      onLine(key, value as T, { lineNumber: number, repeated })
      if (!repeated) store.set(key, offset, () => value as T)
      else if (canonicalJson(store.get(key)) !== canonicalJson(value)) conflicts += 1
    })
    if (scan === undefined) throw new Error(`durable-files: ${path} was emptied while it was opened`)
    checkHeader(path, scan.header, JSON.parse(headerText), explain)
    const size = await mend(handle, path, scan)
    const writer = new LineWriter({ handle, path, size, syncEvery, before: () => lock.check() })
    return new OpenJournal<T>({ path, handle, lock, scan, store, writer, conflicts })
  } catch (error) {
    await handle?.close()
    await lock.release()
    throw fileError(error, 'open', path)
  }
}

class OpenJournal<T> implements Journal<T> {
  readonly path: string
  readonly resumed: { lines: number; tornBytes: number }
  conflicts: number
  private readonly handle: FileHandle
  private readonly lock: Lock
  private readonly store: JournalStore<T>
  private readonly writer: LineWriter
  private readonly pending = new Map<string, { text: string; written: Promise<void> }>()
  private closed: Promise<void> | undefined

  constructor(parts: {
    path: string
    handle: FileHandle
    lock: Lock
    scan: Scan
    store: JournalStore<T>
    writer: LineWriter
    conflicts: number
  }) {
    this.path = parts.path
    this.handle = parts.handle
    this.lock = parts.lock
    this.store = parts.store
    this.writer = parts.writer
    this.conflicts = parts.conflicts
    this.resumed = { lines: parts.scan.lines, tornBytes: parts.scan.tornBytes }
  }

  get size(): number {
    return this.store.size + this.pending.size
  }

  has(key: string): boolean {
    return this.store.has(key) || this.pending.has(key)
  }

  get(key: string): T | undefined {
    const pending = this.pending.get(key)
    if (pending !== undefined) return JSON.parse(pending.text) as T
    return this.store.get(key)
  }

  *entries(): IterableIterator<[string, T]> {
    yield* this.store.entries()
    for (const [key, { text }] of this.pending) yield [key, JSON.parse(text) as T]
  }

  async append(key: string, value: T): Promise<'written' | 'same' | 'conflict'> {
    if (this.closed !== undefined)
      throw new Error(`durable-files: ${this.path} is closed; append before close`)
    const text = canonicalJson(value)
    if (this.has(key)) return this.compare(key, text)
    const line = journalLine(key, value, () => text)
    if (Buffer.byteLength(line) > MAX_LINE) {
      throw new RangeError(
        `durable-files: the value of ${key.slice(0, 80)} is longer than ${MAX_LINE} bytes; keep large data in files of its own`,
      )
    }
    const written = this.write(key, text, line)
    this.pending.set(key, { text, written })
    await written
    return 'written'
  }

  async flush(): Promise<void> {
    await this.writer.flush()
  }

  close(): Promise<void> {
    this.closed ??= this.finish()
    return this.closed
  }

  private async compare(key: string, text: string): Promise<'same' | 'conflict'> {
    const pending = this.pending.get(key)
    const first = pending?.text ?? canonicalJson(this.store.get(key))
    if (first !== text) this.conflicts += 1
    await pending?.written
    return first === text ? 'same' : 'conflict'
  }

  private async write(key: string, text: string, line: string): Promise<void> {
    try {
      const offset = await this.writer.append(line)
      this.store.set(key, offset, () => JSON.parse(text) as T)
    } finally {
      this.pending.delete(key)
    }
  }

  private async finish(): Promise<void> {
    try {
      await this.writer.flush()
    } finally {
      await this.handle.close()
      await this.lock.release()
    }
  }
}

async function isMissing(path: string): Promise<boolean> {
  try {
    const found = await stat(path)
    if (!found.isFile())
      throw new InputError(`durable-files: ${path} is not a regular file; choose another path`)
    return found.size === 0
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return true
    throw fileError(error, 'open', path)
  }
}

function checkHeader(path: string, there: unknown, here: unknown, explain: JournalOptions['explain']): void {
  const list = listDifferences(there, here)
  if (list === '') return
  const more = explain?.(there, here) ?? 'use another path, or the settings of that run'
  throw new InputError(`durable-files: ${path} belongs to another run: ${list}; ${more}`)
}

/** Cuts off a torn tail, adds a missing newline; returns the size. */
async function mend(handle: FileHandle, path: string, scan: Scan): Promise<number> {
  if (scan.tornBytes > 0) await handle.truncate(scan.end)
  if (scan.open) await handle.write('\n', scan.end)
  if (scan.tornBytes > 0 || scan.open) {
    await handle.sync()
    await syncFolder(dirname(path))
  }
  return scan.end + (scan.open ? 1 : 0)
}
