import {
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
  scanString,
  type Cursor,
} from './json-cursor.ts'

const DEPTH_LIMIT = 900

/** Reads a value of any kind and forgets it. */
export function skipValue(c: Cursor, depth = 0): void {
  const byte = peek(c)
  if (byte === 0x22) scanString(c)
  else if (byte === 0x7b) {
    limitDepth(c, depth)
    for (let more = enterObject(c); more; more = nextField(c)) {
      scanKey(c)
      skipValue(c, depth + 1)
    }
  } else if (byte === 0x5b) {
    limitDepth(c, depth)
    for (let more = enterArray(c); more; more = nextItem(c)) skipValue(c, depth + 1)
  } else readScalar(c)
}

/** Reads a value of any kind; objects become Maps, integers beyond 2^53 become bigint. */
export function readValue(c: Cursor, depth = 0): unknown {
  const byte = peek(c)
  if (byte === 0x22) {
    scanString(c)
    return decodeString(c)
  }
  if (byte !== 0x7b && byte !== 0x5b) return readScalar(c)
  limitDepth(c, depth)
  if (byte === 0x5b) {
    const items: unknown[] = []
    for (let more = enterArray(c); more; more = nextItem(c)) items.push(readValue(c, depth + 1))
    return items
  }
  const fields = new Map<string, unknown>()
  for (let more = enterObject(c); more; more = nextField(c)) {
    scanKey(c)
    const name = decodeString(c)
    fields.set(name, readValue(c, depth + 1))
  }
  return fields
}

function limitDepth(c: Cursor, depth: number): void {
  if (depth > DEPTH_LIMIT)
    throw new JsonSyntaxError(`nested deeper than ${DEPTH_LIMIT} at byte ${c.base + c.pos}`, c.base + c.pos)
}

const NUMBER = /^-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$/
const LITERALS = new Map<string, unknown>([
  ['true', true],
  ['false', false],
  ['null', null],
  ['NaN', NaN],
  ['Infinity', Infinity],
  ['-Infinity', -Infinity],
])

/** Reads a number, true, false, null, NaN or an infinity. */
function readScalar(c: Cursor): unknown {
  peek(c)
  const { bytes } = c
  const start = c.pos
  let pos = start
  let small = 0
  for (let byte = bytes[pos]!; byte >= 0x30 && byte <= 0x39; byte = bytes[++pos]!)
    small = small * 10 + byte - 0x30
  const integerEnd = pos
  while (isWordByte(bytes[pos]!)) pos++
  if (pos >= c.end && !c.last) throw needMore
  const length = pos - start
  if (pos === integerEnd && length > 0 && length < 16 && (length === 1 || bytes[start] !== 0x30)) {
    c.pos = pos
    return small
  }
  const text = bytes.toString('latin1', start, pos)
  if (LITERALS.has(text)) {
    c.pos = pos
    return LITERALS.get(text)
  }
  const match = NUMBER.exec(text)
  if (!match) fail(c, 'a value')
  c.pos = pos
  const value = Number(text)
  return match[1] === undefined && match[2] === undefined && !Number.isSafeInteger(value)
    ? BigInt(text)
    : value
}

function isWordByte(byte: number): boolean {
  return (
    (byte >= 0x30 && byte <= 0x39) ||
    (byte >= 0x61 && byte <= 0x7a) ||
    (byte >= 0x41 && byte <= 0x5a) ||
    byte === 0x2d ||
    byte === 0x2b ||
    byte === 0x2e
  )
}
