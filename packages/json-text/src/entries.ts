import {
  atEnd,
  BACKSLASH,
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  enterObject,
  fail,
  nextField,
  OPEN_BRACE,
  OPEN_BRACKET,
  peek,
  QUOTE,
  refuseEmpty,
  type Cursor,
} from './cursor.ts'
import { JsonSyntaxError } from './errors.ts'
import type { ByteSource } from './source.ts'
import { readName } from './string.ts'
import { MAX_DEPTH } from './value.ts'
import { openWindow, readThrough } from './window.ts'

/** A key of the outermost object, and where its value lies. */
export interface JsonEntry {
  readonly key: string
  readonly keyAt: number
  readonly start: number
  readonly end: number
  /** Number of keys in the value, counting a repeated key each time it is written. */
  readonly keys: number
}

/**
 * Finds the entries of the outermost object without reading the values, in one pass and constant memory per entry.
 * The values themselves are checked when they are parsed.
 *
 * @throws JsonSyntaxError if the source is not one object, is cut off, or is nested deeper than `MAX_DEPTH`
 */
export function scanEntries(source: ByteSource, from = 0): JsonEntry[] {
  const window = openWindow(source, from)
  const c = window.cursor
  const entries: JsonEntry[] = []
  let key: string | undefined
  try {
    readThrough(window, refuseEmpty)
    for (let more = readThrough(window, enterObject); more; more = readThrough(window, nextField)) {
      readThrough(window, toKey)
      const keyAt = c.base + c.pos
      key = readThrough(window, readName)
      readThrough(window, toValue)
      const start = c.base + c.pos
      const keys = skipUnchecked(c, window.refill)
      entries.push({ key, keyAt, start, end: c.base + c.pos, keys })
    }
    if (!readThrough(window, atEnd)) fail(c, 'the end of the file')
  } catch (error) {
    if (error instanceof JsonSyntaxError && key !== undefined) error.path.unshift(key)
    throw error
  }
  return entries
}

function toKey(c: Cursor): void {
  if (peek(c) !== QUOTE) fail(c, 'a key in quotes')
}

function toValue(c: Cursor): void {
  const byte = peek(c)
  if (byte === COMMA || byte === COLON || byte === CLOSE_BRACE || byte === CLOSE_BRACKET || c.pos >= c.end)
    fail(c, 'a value')
}

const STRING = 1
const KEY = 2
const OPEN = 3
const CLOSE = 4
const END = 5
/** What a byte means inside a value, outside of strings. */
const MARKS = new Uint8Array(256)
MARKS[0] = END
MARKS[QUOTE] = STRING
MARKS[COLON] = KEY
MARKS[OPEN_BRACE] = OPEN
MARKS[OPEN_BRACKET] = OPEN
MARKS[CLOSE_BRACE] = CLOSE
MARKS[CLOSE_BRACKET] = CLOSE

/** Goes over a value, however long, looking only at strings and brackets. The number of keys in it. */
function skipUnchecked(c: Cursor, refill: () => boolean): number {
  const first = c.bytes[c.pos]!
  if (first === QUOTE) {
    c.pos++
    skipString(c, refill)
    return 0
  }
  if (first !== OPEN_BRACE && first !== OPEN_BRACKET) {
    skipScalar(c, refill)
    return 0
  }
  let { bytes, pos } = c
  let [depth, keys] = [0, 0]
  for (;;) {
    let mark = 0
    while ((mark = MARKS[bytes[pos++]!]!) === 0);
    if (mark === KEY) keys++
    else if (mark === OPEN) {
      if (++depth > MAX_DEPTH)
        throw new JsonSyntaxError(`nested deeper than ${MAX_DEPTH} levels`, c.base + pos - 1)
    } else if (mark === CLOSE) {
      if (--depth === 0) break
    } else {
      c.pos = pos
      if (mark === STRING) skipString(c, refill)
      else if (pos > c.end) refillAt(c, pos - 1, refill)
      ;({ bytes, pos } = c)
    }
  }
  c.pos = pos
  return keys
}

/** From behind the opening quote to behind the closing one. */
function skipString(c: Cursor, refill: () => boolean): void {
  let { bytes, pos, end } = c
  for (let byte = bytes[pos++]!; byte !== QUOTE; byte = bytes[pos++]!) {
    if (byte !== BACKSLASH && byte !== 0) continue
    if (byte === BACKSLASH && pos < end) {
      pos++
      continue
    }
    if (byte === 0 && pos <= end) continue
    refillAt(c, pos - 1, refill)
    ;({ bytes, pos, end } = c)
  }
  c.pos = pos
}

function skipScalar(c: Cursor, refill: () => boolean): void {
  for (;;) {
    const byte = c.bytes[c.pos]!
    if (byte === COMMA || byte === CLOSE_BRACE || byte === 0x20 || (byte >= 0x09 && byte <= 0x0d)) return
    if (c.pos < c.end) c.pos++
    else refillAt(c, c.pos, refill)
  }
}

function refillAt(c: Cursor, pos: number, refill: () => boolean): void {
  c.pos = pos
  if (refill()) return
  c.pos = c.end
  fail(c, 'the rest of the value')
}
