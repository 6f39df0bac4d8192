import { readSync } from 'node:fs'
import { createKeyIndex } from './journal-keys.ts'
import { parseJournalLine } from './journal-line.ts'

/** Where a journal finds its values: all in memory, or the places of lines in memory and values in the file. */
export interface JournalStore<T> {
  readonly size: number
  has(key: string): boolean
  get(key: string): T | undefined
  /** Adds a key that is not there. */
  set(key: string, offset: number, value: () => T): void
  entries(): IterableIterator<[string, T]>
}

export function memoryStore<T>(): JournalStore<T> {
  const values = new Map<string, T>()
  return {
    get size() {
      return values.size
    },
    has: (key) => values.has(key),
    get: (key) => values.get(key),
    set: (key, _offset, value) => void values.set(key, value()),
    entries: () => values.entries(),
  }
}

export function fileStore<T>(fd: number): JournalStore<T> {
  const lines = createLineReader(fd)
  const index = createKeyIndex(lines.isKeyAt)
  return {
    get size() {
      return index.size
    },
    has: (key) => index.find(key) !== undefined,
    get(key) {
      const offset = index.find(key)
      return offset === undefined ? undefined : (lines.entryAt(offset).value as T)
    },
    set: (key, offset) => index.add(key, offset),
    *entries() {
      for (const offset of index.offsets()) {
        const { key, value } = lines.entryAt(offset)
        yield [key, value as T]
      }
    },
  }
}

interface LineReader {
  readonly isKeyAt: (offset: number, key: string) => boolean
  readonly entryAt: (offset: number) => { key: string; value: unknown }
}

const FIRST_BLOCK_BYTES = 16_384

/** Reads whole lines of a file that only grows. The last block stays, since neighbours are often asked for together. */
function createLineReader(fd: number): LineReader {
  let block = Buffer.allocUnsafe(FIRST_BLOCK_BYTES)
  let start = 0
  let filled = 0

  /** At least `length` bytes from `offset` on, or all that there are. */
  const bytesAt = (offset: number, length: number): Buffer => {
    if (offset < start || offset + length > start + filled) {
      if (length > block.length) block = Buffer.allocUnsafe(length)
      start = offset
      filled = readSync(fd, block, 0, block.length, offset)
    }
    return block.subarray(offset - start, filled)
  }
  const entryAt: LineReader['entryAt'] = (offset) => {
    for (let length = 1024; ; length *= 2) {
      const bytes = bytesAt(offset, length)
      const end = bytes.indexOf(10)
      if (end < 0 && bytes.length >= length) continue
      const line = parseJournalLine(end < 0 ? bytes : bytes.subarray(0, end))
      if (typeof line === 'object' && 'key' in line) return line
      throw new Error('durable-files: the journal was changed by another program while it was open')
    }
  }
  return {
    entryAt,
    /** Compares bytes, as this program writes them, before it parses a line. */
    isKeyAt(offset, key) {
      const wanted = Buffer.from(`{"key":${JSON.stringify(key)},`)
      const found = bytesAt(offset, wanted.length)
      return found.subarray(0, wanted.length).equals(wanted) || entryAt(offset).key === key
    },
  }
}
