/**
 * A position in a window of a JSON file. Functions that read from it throw `needMore` when the window ends inside
 * what they read; the caller then appends bytes and repeats from where the value began.
 *
 * `bytes[end]` is always 0, which no JSON text contains, so that loops need no second bound.
 */
export interface Cursor {
  bytes: Buffer
  pos: number
  /** Number of bytes in the window. */
  end: number
  /** Position in the file of the first byte of the window. */
  base: number
  /** Whether the window reaches the end of the file. */
  last: boolean
  /** The last string read: its bytes without quotes, whether it has escapes, whether it is all ASCII. */
  start: number
  stop: number
  escaped: boolean
  plain: boolean
}

export function createCursor(bytes: Buffer = Buffer.alloc(1), end = 0): Cursor {
  return { bytes, pos: 0, end, base: 0, last: false, start: 0, stop: 0, escaped: false, plain: true }
}

export const needMore: Error = new Error('vqa-eval: the window ends inside a JSON value')

/** The text is not JSON (as Python reads it: NaN, Infinity and -Infinity are numbers). */
export class JsonSyntaxError extends Error {
  /** Byte of the file at which it was noticed. */
  readonly offset: number
  constructor(message: string, offset: number) {
    super(message)
    this.offset = offset
  }
}

const QUOTE = 0x22
const BACKSLASH = 0x5c

/** Throws what is wrong at the cursor: `needMore`, or a JsonSyntaxError that says what was expected. */
export function fail(c: Cursor, expected: string): never {
  if (c.pos >= c.end) {
    if (!c.last) throw needMore
    throw new JsonSyntaxError(
      `the file ends at byte ${c.base + c.end} where ${expected} should follow (truncated?)`,
      c.base + c.end,
    )
  }
  const byte = c.bytes[c.pos]!
  const found = byte > 0x20 && byte < 0x7f ? `'${String.fromCharCode(byte)}'` : `byte 0x${byte.toString(16)}`
  throw new JsonSyntaxError(`expected ${expected}, found ${found} at byte ${c.base + c.pos}`, c.base + c.pos)
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

/** Whether only whitespace remains of the file. */
export function atEnd(c: Cursor): boolean {
  peek(c)
  if (c.pos < c.end) return false
  if (!c.last) throw needMore
  return true
}

function expectByte(c: Cursor, byte: number, expected: string): void {
  if (peek(c) !== byte) fail(c, expected)
  c.pos++
}

const PLAIN = 0
const NON_ASCII = 1
const SPECIAL = 2
const KIND = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte < 0x20 || byte === QUOTE || byte === BACKSLASH ? SPECIAL : byte < 0x80 ? PLAIN : NON_ASCII,
)

/** Reads a string into `start`, `stop`, `escaped` and `plain`. */
export function scanString(c: Cursor): void {
  if (peek(c) !== QUOTE) fail(c, 'a string')
  const bytes = c.bytes
  let pos = c.pos + 1
  let escaped = false
  let plain = true
  c.start = pos
  for (let byte = bytes[pos]!; ; byte = bytes[++pos]!) {
    const kind = KIND[byte]
    if (kind === PLAIN) continue
    if (byte === QUOTE) break
    if (kind === NON_ASCII) plain = false
    else if (byte === BACKSLASH) {
      escaped = true
      pos = skipEscape(c, pos)
    } else {
      c.pos = pos
      fail(c, pos < c.end ? 'no control character in a string (they must be escaped)' : 'the end of a string')
    }
  }
  c.stop = pos
  c.pos = pos + 1
  c.escaped = escaped
  c.plain = plain
}

function skipEscape(c: Cursor, backslash: number): number {
  c.pos = backslash + 1
  const byte = c.bytes[c.pos]!
  if (byte === 0x75) {
    for (let i = 0; i < 4; i++) {
      c.pos++
      if (!/[0-9a-fA-F]/.test(String.fromCharCode(c.bytes[c.pos]!)))
        fail(c, 'four hexadecimal digits after \\u')
    }
  } else if (!'"\\/bfnrt'.includes(String.fromCharCode(byte))) {
    fail(c, 'an escape such as \\n')
  }
  return c.pos
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The text of the last string read. Throws JsonSyntaxError when it is not UTF-8. */
export function decodeString(c: Cursor): string {
  if (c.plain && !c.escaped) return c.bytes.toString('latin1', c.start, c.stop)
  let text: string
  try {
    text = utf8.decode(c.bytes.subarray(c.start, c.stop))
  } catch {
    throw new JsonSyntaxError(`the string at byte ${c.base + c.start} is not UTF-8`, c.base + c.start)
  }
  return c.escaped ? (JSON.parse(`"${text}"`) as string) : text
}

/** A key that a reader knows. */
export interface Key {
  readonly text: string
  /** With its quotes. */
  readonly bytes: Uint8Array
}

export function keys(...names: readonly string[]): readonly Key[] {
  return names.map((text) => ({ text, bytes: Buffer.from(JSON.stringify(text)) }))
}

/**
 * Reads a key and its colon. Its index among the known keys, -1 for another key; `guess` is tried first, so that
 * keys in a usual order are compared once.
 */
export function readKey(c: Cursor, known: readonly Key[], guess: number): number {
  let index = -1
  if (peek(c) === QUOTE) {
    for (let i = 0; i < known.length && index < 0; i++) {
      const candidate = guess + i < known.length ? guess + i : guess + i - known.length
      if (startsWith(c, known[candidate]!.bytes)) index = candidate
    }
  }
  if (index >= 0) c.pos += known[index]!.bytes.length
  else {
    scanString(c)
    if (c.escaped) index = known.findIndex(({ text }) => text === decodeString(c))
  }
  expectByte(c, 0x3a, "':'")
  return index
}

function startsWith(c: Cursor, bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) if (c.bytes[c.pos + i] !== bytes[i]) return false
  return true
}

/** Enters an object. Whether it has a field, whose key must be read next with `scanKey`. */
export function enterObject(c: Cursor): boolean {
  expectByte(c, 0x7b, 'an object')
  const byte = peek(c)
  if (byte === 0x7d) c.pos++
  else if (byte !== QUOTE) fail(c, "a key or '}'")
  return byte === QUOTE
}

/** Goes on after the value of a field. Whether another field follows; otherwise the object is read. */
export function nextField(c: Cursor): boolean {
  const byte = peek(c)
  if (byte !== 0x2c && byte !== 0x7d) fail(c, "',' or '}'")
  c.pos++
  return byte === 0x2c
}

/** Reads a key and its colon. */
export function scanKey(c: Cursor): void {
  scanString(c)
  expectByte(c, 0x3a, "':'")
}

/** Enters an array. Whether it has an item, which must be read next. */
export function enterArray(c: Cursor): boolean {
  expectByte(c, 0x5b, 'an array')
  const isEmpty = peek(c) === 0x5d
  if (isEmpty) c.pos++
  else if (c.pos >= c.end) fail(c, "a value or ']'")
  return !isEmpty
}

/** Goes on after an item. Whether another follows; otherwise the array is read. */
export function nextItem(c: Cursor): boolean {
  const byte = peek(c)
  if (byte !== 0x2c && byte !== 0x5d) fail(c, "',' or ']'")
  c.pos++
  return byte === 0x2c
}
