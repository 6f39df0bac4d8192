import { BACKSLASH, fail, passColon, peek, QUOTE, type Cursor } from './cursor.ts'
import { JsonSyntaxError } from './errors.ts'

const PLAIN = 0
const NON_ASCII = 1
const SPECIAL = 2
const KIND = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte < 0x20 || byte === QUOTE || byte === BACKSLASH ? SPECIAL : byte < 0x80 ? PLAIN : NON_ASCII,
)

/** Reads a string into `start`, `stop`, `escaped` and `plain` of the cursor. */
export function scanString(c: Cursor, expected = 'a string'): void {
  if (peek(c) !== QUOTE) fail(c, expected)
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
      fail(
        c,
        pos < c.end ? 'no control character in a string (write it as \\n, \\u0001)' : 'the end of a string',
      )
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

/** The text of the last string read. @throws JsonSyntaxError if it is not UTF-8 */
export function decodeString(c: Cursor): string {
  if (c.plain && !c.escaped) return c.bytes.toString('latin1', c.start, c.stop)
  let text: string
  try {
    text = utf8.decode(c.bytes.subarray(c.start, c.stop))
  } catch {
    throw new JsonSyntaxError('the string is not UTF-8', c.base + c.start)
  }
  return c.escaped ? (JSON.parse(`"${text}"`) as string) : text
}

/** Reads a key and its colon, and gives the key. */
export function readName(c: Cursor): string {
  scanString(c, 'a key in quotes')
  const name = decodeString(c)
  passColon(c)
  return name
}

/** A key that a reader knows. */
export interface Key {
  readonly text: string
  /** With its quotes. */
  readonly bytes: Uint8Array
}

/** Names as keys that are compared byte by byte, without making a string of what is read. */
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
    scanString(c, 'a key in quotes')
    if (c.escaped) index = known.findIndex(({ text }) => text === decodeString(c))
  }
  passColon(c)
  return index
}

function startsWith(c: Cursor, bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) if (c.bytes[c.pos + i] !== bytes[i]) return false
  return true
}
