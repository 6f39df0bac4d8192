import { JsonSyntaxError } from './errors.ts'

/**
 * A position in a window of a JSON text. Functions that read from it throw `needMore` when the window ends inside
 * what they read; the caller then appends bytes and repeats from where the value began.
 *
 * `bytes[end]` is always 0, which no JSON text contains, so that loops need no second bound.
 */
export interface Cursor {
  bytes: Buffer
  pos: number
  /** Number of bytes in the window. */
  end: number
  /** Position in the text of the first byte of the window. */
  base: number
  /** Whether the window reaches the end of the text. */
  last: boolean
  /** The last string read: its bytes without quotes, whether it has escapes, whether it is all ASCII. */
  start: number
  stop: number
  escaped: boolean
  plain: boolean
}

/** A cursor with an empty window that has room for `capacity` bytes. */
export function createCursor(capacity = 0): Cursor {
  const bytes = Buffer.alloc(capacity + 1)
  return { bytes, pos: 0, end: 0, base: 0, last: false, start: 0, stop: 0, escaped: false, plain: true }
}

/** A cursor at the start of a whole text. The bytes are copied. */
export function cursorOf(text: Uint8Array): Cursor {
  const c = createCursor(text.length)
  c.bytes.set(text)
  c.end = text.length
  c.last = true
  return c
}

/** Thrown where the window ends inside a value. */
export const needMore: Error = new Error('json-text: the window ends inside a JSON value')

export const QUOTE = 0x22
export const BACKSLASH = 0x5c
export const COMMA = 0x2c
export const COLON = 0x3a
export const OPEN_BRACE = 0x7b
export const CLOSE_BRACE = 0x7d
export const OPEN_BRACKET = 0x5b
export const CLOSE_BRACKET = 0x5d

/** Throws what is wrong at the cursor: `needMore`, or a JsonSyntaxError that says what was expected. */
export function fail(c: Cursor, expected: string): never {
  if (c.pos < c.end) throw new JsonSyntaxError(`expected ${expected}, found ${found(c)}`, c.base + c.pos)
  if (!c.last) throw needMore
  throw new JsonSyntaxError(`the text ends where ${expected} should follow; it is cut off`, c.base + c.end)
}

function found({ bytes, pos, end }: Cursor): string {
  let stop = pos
  while (stop < end && stop < pos + 20 && isWordByte(bytes[stop]!)) stop++
  if (stop > pos) return `"${bytes.toString('latin1', pos, stop)}"`
  const byte = bytes[pos]!
  return byte > 0x20 && byte < 0x7f
    ? JSON.stringify(String.fromCharCode(byte))
    : `byte 0x${byte.toString(16).padStart(2, '0')}`
}

/** Whether a byte can stand in a number or a word such as `true`. */
export function isWordByte(byte: number): boolean {
  return (
    (byte >= 0x30 && byte <= 0x39) ||
    (byte >= 0x61 && byte <= 0x7a) ||
    (byte >= 0x41 && byte <= 0x5a) ||
    byte === 0x2d ||
    byte === 0x2b ||
    byte === 0x2e
  )
}

/** Skips whitespace and returns the next byte, 0 at the end of the window. */
export function peek(c: Cursor): number {
  const bytes = c.bytes
  let pos = c.pos
  let byte = bytes[pos]!
  while (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) byte = bytes[++pos]!
  c.pos = pos
  return byte
}

/** Whether only whitespace remains of the text. */
export function atEnd(c: Cursor): boolean {
  peek(c)
  if (c.pos < c.end) return false
  if (!c.last) throw needMore
  return true
}

/** @throws JsonSyntaxError if there is nothing but whitespace */
export function refuseEmpty(c: Cursor): void {
  if (atEnd(c)) throw new JsonSyntaxError('the text is empty', c.base + c.end)
}

function expectByte(c: Cursor, byte: number, expected: string): void {
  if (peek(c) !== byte) fail(c, expected)
  c.pos++
}

/** Enters an object. Whether it has a field, whose key must be read next. */
export function enterObject(c: Cursor): boolean {
  expectByte(c, OPEN_BRACE, 'an object')
  const byte = peek(c)
  if (byte === CLOSE_BRACE) c.pos++
  else if (byte !== QUOTE) fail(c, 'a key in quotes or "}"')
  return byte === QUOTE
}

/** Goes on after the value of a field. Whether another field follows; otherwise the object is read. */
export function nextField(c: Cursor): boolean {
  const byte = peek(c)
  if (byte !== COMMA && byte !== CLOSE_BRACE) fail(c, '"," or "}"')
  c.pos++
  return byte === COMMA
}

/** Goes over the colon between a key and its value. */
export function passColon(c: Cursor): void {
  expectByte(c, COLON, '":"')
}

/** Enters an array. Whether it has an item, which must be read next. */
export function enterArray(c: Cursor): boolean {
  expectByte(c, OPEN_BRACKET, 'an array')
  const isEmpty = peek(c) === CLOSE_BRACKET
  if (isEmpty) c.pos++
  else if (c.pos >= c.end) fail(c, 'a value or "]"')
  return !isEmpty
}

/** Goes on after an item. Whether another follows; otherwise the array is read. */
export function nextItem(c: Cursor): boolean {
  const byte = peek(c)
  if (byte !== COMMA && byte !== CLOSE_BRACKET) fail(c, '"," or "]"')
  c.pos++
  return byte === COMMA
}
