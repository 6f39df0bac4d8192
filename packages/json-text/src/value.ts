import {
  enterArray,
  enterObject,
  fail,
  isWordByte,
  needMore,
  nextField,
  nextItem,
  OPEN_BRACE,
  OPEN_BRACKET,
  passColon,
  peek,
  QUOTE,
  type Cursor,
} from './cursor.ts'
import { JsonSyntaxError } from './errors.ts'
import { decodeString, readName, scanString } from './string.ts'

/** Objects and arrays may be nested this deep, in every JSON text that is read. */
export const MAX_DEPTH = 100

/** What a reader accepts beyond, or refuses of, what JSON.parse reads. */
export interface JsonRules {
  /** NaN, Infinity, -Infinity, and numbers as large as that, which Python writes and reads. */
  readonly nonFinite: boolean
  /** A key written twice in one object: the last value counts, as in Python. Otherwise it is refused. */
  readonly repeatedKeys: boolean
  /** The key `__proto__`, which is harmless in a Map and a trap in an object. */
  readonly protoKey: boolean
  /** Halves of surrogate pairs, such as `\ud800`, which no UTF-8 text can hold. */
  readonly loneSurrogates: boolean
  /** Give a number that is not written as a whole one from 0 to 2^53 - 1 as its text. */
  readonly numbersAsText: boolean
  /** Number of objects and arrays in the text, at most. */
  readonly maxContainers: number
}

/** As Python's json module reads. */
export const PYTHON: JsonRules = {
  nonFinite: true,
  repeatedKeys: true,
  protoKey: true,
  loneSurrogates: true,
  numbersAsText: false,
  maxContainers: Infinity,
}

/** As JSON.parse reads, but no key twice and no key `__proto__`. */
export const STRICT: JsonRules = { ...PYTHON, nonFinite: false, repeatedKeys: false, protoKey: false }

/** A number as it is written. */
export interface NumberText {
  readonly text: string
}

/** Reads a value of any kind and forgets it. */
export function skipValue(c: Cursor, depth = 0): void {
  const byte = peek(c)
  if (byte === QUOTE) scanString(c)
  else if (byte === OPEN_BRACE) {
    limitDepth(c, depth)
    for (let more = enterObject(c); more; more = nextField(c)) {
      scanString(c, 'a key in quotes')
      passColon(c)
      skipValue(c, depth + 1)
    }
  } else if (byte === OPEN_BRACKET) {
    limitDepth(c, depth)
    for (let more = enterArray(c); more; more = nextItem(c)) skipValue(c, depth + 1)
  } else readScalar(c, PYTHON)
}

/**
 * Reads a value of any kind. Objects become Maps, integers beyond 2^53 become bigint.
 *
 * @throws JsonSyntaxError if the text is not JSON by the rules, or `needMore`
 */
export function readValue(c: Cursor, rules: JsonRules = PYTHON): unknown {
  return readAny(c, rules, { containers: 0 }, 0)
}

interface Count {
  containers: number
}

function readAny(c: Cursor, rules: JsonRules, count: Count, depth: number): unknown {
  const byte = peek(c)
  if (byte === QUOTE) return readString(c, rules)
  if (byte !== OPEN_BRACE && byte !== OPEN_BRACKET) return readScalar(c, rules)
  limitDepth(c, depth)
  if (++count.containers > rules.maxContainers) {
    throw new JsonSyntaxError(`more than ${rules.maxContainers} objects and arrays`, c.base + c.pos)
  }
  return byte === OPEN_BRACE ? readObject(c, rules, count, depth) : readArray(c, rules, count, depth)
}

function readArray(c: Cursor, rules: JsonRules, count: Count, depth: number): unknown[] {
  const items: unknown[] = []
  try {
    for (let more = enterArray(c); more; more = nextItem(c)) items.push(readAny(c, rules, count, depth + 1))
  } catch (error) {
    throw located(error, items.length)
  }
  return items
}

function readObject(c: Cursor, rules: JsonRules, count: Count, depth: number): Map<string, unknown> {
  const fields = new Map<string, unknown>()
  let name: string | undefined
  try {
    for (let more = enterObject(c); more; more = nextField(c)) {
      peek(c)
      const at = c.pos
      name = readName(c)
      if (!rules.protoKey && name === '__proto__') refuse(c, at, 'the key __proto__ is refused')
      if (!rules.repeatedKeys && fields.has(name))
        refuse(c, at, `the key ${JSON.stringify(name.slice(0, 80))} is given twice`)
      if (!rules.loneSurrogates) refuseHalves(c, at, name)
      fields.set(name, readAny(c, rules, count, depth + 1))
    }
  } catch (error) {
    throw name === undefined ? error : located(error, name)
  }
  return fields
}

function located(error: unknown, step: string | number): unknown {
  if (error instanceof JsonSyntaxError) error.path.unshift(step)
  return error
}

function readString(c: Cursor, rules: JsonRules): string {
  const at = c.pos
  scanString(c)
  const text = decodeString(c)
  if (!rules.loneSurrogates) refuseHalves(c, at, text)
  return text
}

function refuseHalves(c: Cursor, at: number, text: string): void {
  if (/\p{Surrogate}/u.test(text)) refuse(c, at, 'the string has half a surrogate pair')
}

function refuse(c: Cursor, at: number, why: string): never {
  throw new JsonSyntaxError(why, c.base + at)
}

function limitDepth(c: Cursor, depth: number): void {
  if (depth >= MAX_DEPTH) refuse(c, c.pos, `nested deeper than ${MAX_DEPTH} levels`)
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
function readScalar(c: Cursor, rules: JsonRules): unknown {
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
  const literal = LITERALS.get(text)
  if (typeof literal === 'number' && !rules.nonFinite) refuse(c, start, `${text} is not a number of JSON`)
  const value = literal === undefined ? readNumber(c, text, rules) : literal
  c.pos = pos
  return value
}

function readNumber(c: Cursor, text: string, rules: JsonRules): number | bigint | NumberText {
  const match = NUMBER.exec(text)
  if (!match) fail(c, 'a value')
  const value = Number(text)
  const isWhole = match[1] === undefined && match[2] === undefined
  if (rules.numbersAsText)
    return isWhole && /^\d/.test(text) && Number.isSafeInteger(value) ? value : { text }
  if (!rules.nonFinite && !Number.isFinite(value)) {
    refuse(c, c.pos, `${text.length > 40 ? `${text.slice(0, 40)}...` : text} is too large for a number`)
  }
  return isWhole && !Number.isSafeInteger(value) ? BigInt(text) : value
}
