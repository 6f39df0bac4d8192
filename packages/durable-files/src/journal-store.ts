import { readSync } from 'node:fs'
import { parseJournalLine } from './journal-line.ts'

/** Where a journal finds its values: all in memory, or offsets in memory and values in the file. */
export interface JournalStore<T> {
  readonly size: number
  has(key: string): boolean
  get(key: string): T | undefined
  set(key: string, value: T, offset: number): void
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
    set: (key, value) => void values.set(key, value),
    entries: () => values.entries(),
  }
}

export function fileStore<T>(fd: number): JournalStore<T> {
  const offsets = new Map<string, number>()
  return {
    get size() {
      return offsets.size
    },
    has: (key) => offsets.has(key),
    get(key) {
      const offset = offsets.get(key)
      return offset === undefined ? undefined : (readValue(fd, offset) as T)
    },
    set: (key, _value, offset) => void offsets.set(key, offset),
    *entries() {
      for (const [key, offset] of offsets) yield [key, readValue(fd, offset) as T]
    },
  }
}

function readValue(fd: number, offset: number): unknown {
  let buffer = Buffer.allocUnsafe(4096)
  let filled = 0
  for (;;) {
    const count = readSync(fd, buffer, filled, buffer.length - filled, offset + filled)
    const end = buffer.subarray(0, filled + count).indexOf(10, filled)
    filled += count
    if (end >= 0 || count === 0) {
      const line = parseJournalLine(buffer.subarray(0, end >= 0 ? end : filled))
      if (typeof line === 'object' && 'key' in line) return line.value
      throw new Error('durable-files: the journal was changed by another program while it was open')
    }
    if (filled === buffer.length) buffer = Buffer.concat([buffer, Buffer.allocUnsafe(filled)])
  }
}
