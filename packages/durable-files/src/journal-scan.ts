import { open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { fileError, InputError } from './errors.ts'
import { parseJournalLine } from './journal-line.ts'

/** Longest line of a journal, bytes; longer ones are refused when written and when read. */
export const MAX_LINE: number = 64 * 1024 * 1024

export interface ScannedLine {
  /** Line number in the file, from 1 (the header). */
  number: number
  /** Offset of the line's first byte. */
  offset: number
  key: string
  value: unknown
}

export interface Scan {
  header: unknown
  /** Lines after the header. */
  lines: number
  /** End of the last whole line: what lies behind it is a torn write. */
  end: number
  tornBytes: number
  /** The last line is whole but for its newline. */
  open: boolean
}

/**
 * Reads a journal line by line, in memory bounded by the longest line.
 *
 * @returns undefined when the file is empty
 * @throws InputError if the file is not a journal, or for a corrupt line, with its number. A last
 * line that is not whole is not an error: it is what a killed writer leaves.
 */
export async function scanJournal(
  path: string,
  onLine: (line: ScannedLine) => void,
): Promise<Scan | undefined> {
  const handle = await open(path, 'r').catch((error: unknown) => {
    throw fileError(error, 'read', path)
  })
  try {
    return await scan(handle, path, onLine)
  } finally {
    await handle.close()
  }
}

async function scan(
  handle: FileHandle,
  path: string,
  onLine: (line: ScannedLine) => void,
): Promise<Scan | undefined> {
  const { size } = await handle.stat()
  if (size === 0) return undefined
  const result: Scan = { header: undefined, lines: 0, end: 0, tornBytes: 0, open: false }
  let number = 0
  let bad: { number: number; offset: number; why: string } | undefined
  for await (const { bytes, offset, closed } of readLines(handle, path)) {
    if (bad !== undefined) throw corrupt(path, bad.number, bad.why)
    number += 1
    const line = parseJournalLine(bytes)
    if (typeof line === 'string') bad = { number, offset, why: line }
    else if (number === 1) {
      if (!('journal' in line)) throw corrupt(path, 1, NO_HEADER)
      result.header = line.header
    } else if ('journal' in line) bad = { number, offset, why: 'a second header' }
    else {
      result.lines += 1
      onLine({ number, offset, key: line.key, value: line.value })
    }
    if (bad === undefined) {
      result.end = offset + bytes.length + (closed ? 1 : 0)
      result.open = !closed
      if (number === 1 && !closed) throw corrupt(path, 1, NO_HEADER)
    }
  }
  if (bad?.number === 1) throw corrupt(path, 1, NO_HEADER)
  result.tornBytes = bad === undefined ? 0 : size - bad.offset
  return result
}

const NO_HEADER =
  'it is not a journal header; this file was not written by openJournal, or its start is damaged'

function corrupt(path: string, number: number, why: string): InputError {
  return new InputError(
    `durable-files: ${path}, line ${number}: ${why}; restore the file from a copy, or delete this line to do its work again`,
  )
}

interface RawLine {
  bytes: Uint8Array
  offset: number
  /** Did it end in a newline? */
  closed: boolean
}

async function* readLines(handle: FileHandle, path: string): AsyncGenerator<RawLine> {
  let buffer = Buffer.allocUnsafe(1 << 20)
  let filled = 0
  let base = 0
  for (;;) {
    const { bytesRead } = await handle.read(buffer, filled, buffer.length - filled, base + filled)
    if (bytesRead === 0) break
    const from = filled
    filled += bytesRead
    let start = 0
    let newline = buffer.subarray(0, filled).indexOf(10, from)
    while (newline >= 0) {
      yield { bytes: buffer.subarray(start, newline), offset: base + start, closed: true }
      start = newline + 1
      newline = buffer.subarray(0, filled).indexOf(10, start)
    }
    buffer.copyWithin(0, start, filled)
    filled -= start
    base += start
    if (filled === buffer.length) buffer = grow(buffer, path)
  }
  if (filled > 0) yield { bytes: buffer.subarray(0, filled), offset: base, closed: false }
}

function grow(buffer: Buffer<ArrayBuffer>, path: string): Buffer<ArrayBuffer> {
  if (buffer.length >= 2 * MAX_LINE) {
    throw new InputError(
      `durable-files: ${path} has a line of more than ${MAX_LINE} bytes; it is not a journal`,
    )
  }
  const larger = Buffer.allocUnsafe(buffer.length * 2)
  buffer.copy(larger)
  return larger
}
