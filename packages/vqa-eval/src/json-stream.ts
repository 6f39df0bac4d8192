import type { Hash } from 'node:crypto'
import { open, type FileHandle } from 'node:fs/promises'
import { InputError } from '@lever/durable-files/input-error'
import {
  atEnd,
  createCursor,
  decodeString,
  enterArray,
  enterObject,
  fail,
  JsonSyntaxError,
  needMore,
  nextField,
  nextItem,
  peek,
  scanKey,
  type Cursor,
} from './json-cursor.ts'

export interface ReadProgress {
  readonly path: string
  readonly bytesRead: number
  readonly bytesTotal: number
}

export interface StreamOptions {
  /** Bytes read at a time. Default 1 MiB. */
  readonly chunkSize?: number
  readonly onProgress?: (progress: ReadProgress) => void
  /** Receives every byte of the file. */
  readonly hash?: Hash
}

/** How the rows of a file are laid out: a list, a list under a key of one object, or one object a line. */
export type Layout = 'array' | 'object' | 'lines'

/**
 * What to do with a file of rows. A method that reads from the cursor may be called again for the same bytes when
 * they continue beyond the window, and so must change nothing before it has read them all.
 */
export interface RowHandler {
  /** Called with the first byte of the file: `[` or `{`. Throws when the layout is not accepted. */
  layout(first: '[' | '{'): Layout
  /** The key of the list in the layout `object`. */
  readonly list: string
  /** Reads one row. `where` is its index in the list, or with the layout `lines` its line, from 1. */
  row(c: Cursor, where: number): void
  /** The list begins; if its key was there before, the rows so far do not count. */
  begin(): void
  /** Reads the value of another key of the object. */
  field(c: Cursor, name: string): void
}

const MAX_VALUE_BYTES = 2 ** 29

/** Reads a JSON file of any size row by row. Throws InputError when it cannot be read or is not JSON. */
export async function streamRows(
  path: string,
  handler: RowHandler,
  { chunkSize = 1 << 20, onProgress, hash }: StreamOptions = {},
): Promise<void> {
  const file = await openFile(path)
  const { step, where } = createSteps(handler)
  try {
    const bytesTotal = (await file.stat()).size
    const c = createCursor(Buffer.alloc(chunkSize + 1))
    let mark = 0
    for (;;) {
      try {
        while (!step(c)) mark = c.pos
        return
      } catch (error) {
        if (error !== needMore) throw error
      }
      c.pos = mark
      const read = await refill(c, file, chunkSize, hash)
      mark = c.pos
      if (read > 0) onProgress?.({ path, bytesRead: c.base + c.end, bytesTotal })
    }
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error
    const [place, line] = [where(), await lineOf(file, error.offset)]
    const row = /^line \d+: $/.test(place) ? '' : place
    throw new InputError(`vqa-eval: ${path}: ${row}${error.message} (line ${line}); correct the file`, {
      cause: error,
    })
  } finally {
    await file.close()
  }
}

/** Line of the file, from 1, in which a byte stands. */
async function lineOf(file: FileHandle, offset: number): Promise<number> {
  const chunk = Buffer.alloc(1 << 16)
  let line = 1
  for (let at = 0; at < offset;) {
    const { bytesRead } = await file.read(chunk, 0, Math.min(chunk.length, offset - at), at)
    if (bytesRead === 0) break
    for (let i = 0; i < bytesRead; i++) if (chunk[i] === 0x0a) line++
    at += bytesRead
  }
  return line
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    const file = await open(path)
    if ((await file.stat()).isFile()) return file
    await file.close()
    throw new Error('it is not a file')
  } catch (error) {
    throw new InputError(`vqa-eval: cannot read ${path}: ${(error as Error).message}`, { cause: error })
  }
}

/** Drops what is before the cursor, makes room and appends a chunk. Returns the number of bytes appended. */
async function refill(
  c: Cursor,
  file: FileHandle,
  chunkSize: number,
  hash: Hash | undefined,
): Promise<number> {
  const rest = c.end - c.pos
  if (rest + chunkSize + 1 > c.bytes.length) {
    if (rest > MAX_VALUE_BYTES) {
      throw new JsonSyntaxError(
        `one row or value from byte ${c.base + c.pos} on is longer than ${MAX_VALUE_BYTES} bytes`,
        c.base + c.pos,
      )
    }
    const larger = Buffer.alloc(2 * rest + chunkSize + 1)
    c.bytes.copy(larger, 0, c.pos, c.end)
    c.bytes = larger
  } else {
    c.bytes.copyWithin(0, c.pos, c.end)
  }
  c.base += c.pos
  c.pos = 0
  const { bytesRead } = await file.read(c.bytes, rest, c.bytes.length - 1 - rest)
  hash?.update(c.bytes.subarray(rest, rest + bytesRead))
  c.end = rest + bytesRead
  c.bytes[c.end] = 0
  c.last = bytesRead === 0
  return bytesRead
}

/**
 * The document as steps between which the window may move. A step returns true when the file is finished, and
 * changes its state only when it has read all it needs.
 */
function createSteps(handler: RowHandler): { step: (c: Cursor) => boolean; where: () => string } {
  type State = 'start' | 'row' | 'afterRow' | 'key' | 'afterValue' | 'line' | 'end'
  let state: State = 'start'
  let layout: Layout = 'array'
  let index = 0
  let line = 1
  let rowLine = 1

  const steps: Record<State, (c: Cursor) => State> = {
    start(c) {
      const byte = peek(c)
      if (byte === 0xef) {
        throw new JsonSyntaxError('it starts with a byte-order mark; save it as UTF-8 without one', 0)
      }
      if (byte !== 0x5b && byte !== 0x7b) fail(c, "'[' or '{'")
      layout = handler.layout(byte === 0x5b ? '[' : '{')
      if (layout === 'object') return enterObject(c) ? 'key' : 'end'
      handler.begin()
      if (layout === 'lines') return 'line'
      return enterArray(c) ? 'row' : 'end'
    },
    row(c) {
      handler.row(c, index)
      index++
      return 'afterRow'
    },
    afterRow: (c) => (nextItem(c) ? 'row' : closeList()),
    key(c) {
      scanKey(c)
      const name = decodeString(c)
      if (name !== handler.list) {
        handler.field(c, name)
        return 'afterValue'
      }
      if (peek(c) !== 0x5b) fail(c, `a list of rows under "${name}"`)
      const more = enterArray(c)
      handler.begin()
      index = 0
      return more ? 'row' : 'afterValue'
    },
    afterValue: (c) => (nextField(c) ? 'key' : 'end'),
    line(c) {
      const before = c.pos
      if (atEnd(c)) return 'end'
      const skipped = newlines(c, before)
      rowLine = line + skipped
      if (index > 0 && skipped === 0) fail(c, 'a new line')
      const start = c.pos
      handler.row(c, rowLine)
      line = rowLine + newlines(c, start)
      index++
      return 'line'
    },
    end(c) {
      if (!atEnd(c)) fail(c, 'the end of the file')
      return 'end'
    },
  }

  function closeList(): State {
    return layout === 'array' ? 'end' : 'afterValue'
  }

  return {
    step(c) {
      const current = state
      state = steps[current](c)
      return current === 'end'
    },
    where() {
      if (state === 'line') return `line ${rowLine}: `
      const list = layout === 'array' ? 'row ' : handler.list
      return state === 'row' ? `${list}[${index}]: ` : ''
    },
  }
}

function newlines(c: Cursor, from: number): number {
  let count = 0
  for (let i = from; i < c.pos; i++) if (c.bytes[i] === 0x0a) count++
  return count
}
