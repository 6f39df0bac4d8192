import { CHUNK, type ByteSource } from './bytes.ts'

/** Objects and arrays may not be nested deeper than this. */
export const MAX_DEPTH = 64

/** A syntax error at a byte of the source. */
export class JsonSyntaxError extends Error {
  readonly offset: number

  constructor(reason: string, offset: number) {
    super(reason)
    this.offset = offset
  }
}

/** A key of the outermost object, and where its value lies. */
export interface JsonEntry {
  readonly key: string
  readonly keyAt: number
  readonly start: number
  readonly end: number
  /** Number of keys in the value, counting a repeated key each time it is written. */
  readonly keys: number
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COLON = 0x3a
const COMMA = 0x2c
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d

/** What a byte means inside a value, outside of strings. */
const STRING = 1
const KEY = 2
const OPEN = 3
const CLOSE = 4
const MARKS = new Uint8Array(256)
MARKS[QUOTE] = STRING
MARKS[COLON] = KEY
MARKS[OPEN_BRACE] = OPEN
MARKS[OPEN_BRACKET] = OPEN
MARKS[CLOSE_BRACE] = CLOSE
MARKS[CLOSE_BRACKET] = CLOSE

const BEFORE = 0
const KEY_OR_END = 1
const KEY_ONLY = 2
const IN_KEY = 3
const BEFORE_COLON = 4
const BEFORE_VALUE = 5
const IN_VALUE = 6
const IN_SCALAR = 7
const AFTER_VALUE = 8
const AFTER = 9

/** How far the inside of a value was read. */
interface ValueState {
  depth: number
  inString: boolean
  escaped: boolean
  keys: number
}

/**
 * Finds the entries of the outermost object without reading the values, in one pass and constant memory per entry.
 * The values themselves are checked when they are parsed.
 *
 * @throws JsonSyntaxError when the source is not one object, is cut off, or is nested deeper than `MAX_DEPTH`.
 */
export function scanObject(source: ByteSource, from = 0): JsonEntry[] {
  const entries: JsonEntry[] = []
  let state = BEFORE
  let escaped = false
  let value: ValueState = { depth: 0, inString: false, escaped: false, keys: 0 }
  let keyBytes: number[] = []
  let key = ''
  let keyAt = 0
  let start = 0

  const close = (end: number): void => {
    entries.push({ key, keyAt, start, end, keys: value.keys })
    state = AFTER_VALUE
  }

  const scratch = new Uint8Array(CHUNK)
  for (let at = from; at < source.size; at += CHUNK) {
    const chunk = source.read(at, Math.min(source.size, at + CHUNK), scratch)
    const length = chunk.length
    let i = 0
    while (i < length) {
      if (state === IN_VALUE) {
        i = skipValue(chunk, i, value)
        if (value.depth > MAX_DEPTH) throw new JsonSyntaxError(`nested deeper than ${MAX_DEPTH}`, at + i - 1)
        if (value.depth === 0 && !value.inString) close(at + i)
        continue
      }
      const c = chunk[i]!
      if (state === IN_KEY) {
        i++
        if (escaped) escaped = false
        else if (c === BACKSLASH) escaped = true
        else if (c === QUOTE) {
          key = decodeKey(keyBytes, keyAt)
          state = BEFORE_COLON
          continue
        }
        keyBytes.push(c)
        continue
      }
      if (state === IN_SCALAR) {
        if (c === COMMA || c === CLOSE_BRACE || isSpace(c)) {
          close(at + i)
        } else i++
        continue
      }
      i++
      if (isSpace(c)) continue
      const offset = at + i - 1
      if (state === BEFORE_VALUE) {
        start = offset
        value = { depth: 0, inString: c === QUOTE, escaped: false, keys: 0 }
        if (c === OPEN_BRACE || c === OPEN_BRACKET || c === QUOTE) {
          value.depth = c === QUOTE ? 0 : 1
          state = IN_VALUE
        } else if (c === COMMA || c === CLOSE_BRACE || c === CLOSE_BRACKET || c === COLON) {
          throw unexpected(c, 'a value', offset)
        } else state = IN_SCALAR
      } else if (state === BEFORE_COLON) {
        if (c !== COLON) throw unexpected(c, '":"', offset)
        state = BEFORE_VALUE
      } else if (state === AFTER_VALUE) {
        if (c === COMMA) state = KEY_ONLY
        else if (c === CLOSE_BRACE) state = AFTER
        else throw unexpected(c, '"," or "}"', offset)
      } else if (state === KEY_OR_END || state === KEY_ONLY) {
        if (c === QUOTE) {
          state = IN_KEY
          keyBytes = []
          keyAt = offset
        } else if (c === CLOSE_BRACE && state === KEY_OR_END) state = AFTER
        else throw unexpected(c, 'a key in quotes', offset)
      } else if (state === BEFORE) {
        if (c !== OPEN_BRACE) throw unexpected(c, 'an object, {', offset)
        state = KEY_OR_END
      } else throw unexpected(c, 'the end of the file', offset)
    }
  }
  if (state === BEFORE) throw new JsonSyntaxError('the file is empty', source.size)
  if (state !== AFTER) {
    const where = entries.length > 0 || key !== '' ? ` (in or after key ${JSON.stringify(key)})` : ''
    throw new JsonSyntaxError(`the file ends in the middle${where}; it is truncated`, source.size)
  }
  return entries
}

/** Reads on in a value from index i; gives the index behind it, or the length of the chunk when it goes on. */
function skipValue(chunk: Uint8Array, from: number, value: ValueState): number {
  const { length } = chunk
  let { depth, inString, keys } = value
  let i = from
  if (value.escaped && i < length) {
    value.escaped = false
    i++
  }
  scan: while (i < length) {
    if (inString) {
      let c = 0
      while (i < length && (c = chunk[i++]!) !== QUOTE) {
        if (c !== BACKSLASH) continue
        if (i >= length) value.escaped = true
        i++
      }
      if (c !== QUOTE) break
      inString = false
      if (depth === 0) break
    }
    let mark = 0
    while (i < length && (mark = MARKS[chunk[i++]!]!) === 0);
    switch (mark) {
      case STRING:
        inString = true
        break
      case KEY:
        keys++
        break
      case OPEN:
        if (++depth > MAX_DEPTH) break scan
        break
      case CLOSE:
        if (--depth === 0) break scan
    }
  }
  value.depth = depth
  value.inString = inString
  value.keys = keys
  return Math.min(i, length)
}

function isSpace(c: number): boolean {
  return c === 0x20 || c === 0x0a || c === 0x0d || c === 0x09
}

function decodeKey(bytes: readonly number[], offset: number): string {
  if (bytes.length <= 20 && bytes.every((byte) => byte >= 0x20 && byte < 0x80 && byte !== BACKSLASH)) {
    return String.fromCharCode(...bytes)
  }
  const text = new TextDecoder().decode(Uint8Array.from(bytes))
  try {
    return JSON.parse(`"${text}"`) as string
  } catch {
    throw new JsonSyntaxError(`${JSON.stringify(text.slice(0, 40))} is not a valid string`, offset)
  }
}

function unexpected(c: number, wanted: string, offset: number): JsonSyntaxError {
  const shown = c > 0x20 && c < 0x7f ? JSON.stringify(String.fromCharCode(c)) : `byte 0x${c.toString(16)}`
  return new JsonSyntaxError(`expected ${wanted}, found ${shown}`, offset)
}
