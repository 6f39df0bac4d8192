import { isUtf8 } from 'node:buffer'
import { atEnd, BACKSLASH, CLOSE_BRACE, CLOSE_BRACKET, COLON, cursorOf, fail } from './cursor.ts'
import { OPEN_BRACE, OPEN_BRACKET, QUOTE, refuseEmpty } from './cursor.ts'
import { JsonSyntaxError } from './errors.ts'
import { MAX_DEPTH, readValue, STRICT, type JsonRules } from './value.ts'

/**
 * Parses a whole text with the cursor; slower than {@link parseStrict}, but by any rules and with a place.
 *
 * @throws JsonSyntaxError if the text is not JSON by the rules
 */
export function parseText(bytes: Uint8Array, rules: JsonRules): unknown {
  const c = cursorOf(bytes)
  refuseEmpty(c)
  const value = readValue(c, rules)
  if (!atEnd(c)) fail(c, 'the end of the text')
  return value
}

/**
 * Parses JSON strictly and at the speed of JSON.parse: UTF-8, no key twice in one object, no key `__proto__`, not
 * nested deeper than `MAX_DEPTH`. Repeated keys are noticed by their number: `keys`, counted in the text, against
 * those of the value.
 *
 * @throws JsonSyntaxError with the place, found by reading the text again
 */
export function parseStrict(bytes: Uint8Array, keys: number = countKeysInText(bytes)): unknown {
  if (!isUtf8(bytes)) throw new JsonSyntaxError('the text is not UTF-8; save the file as UTF-8', 0)
  let text: string
  try {
    text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
  } catch {
    throw new JsonSyntaxError(`a value of ${bytes.length} bytes is too large to read; split it`, 0)
  }
  try {
    const value: unknown = JSON.parse(text)
    if (keys >= 0 && countKeys(value) === keys) return value
  } catch {
    // The place and the reason are found below.
  }
  parseText(bytes, STRICT)
  throw new JsonSyntaxError('the text is not JSON', 0)
}

/** Number of keys in a JSON text, each counted as often as it is written; -1 if it is nested too deep. */
function countKeysInText(bytes: Uint8Array): number {
  let keys = 0
  let depth = 0
  for (let i = 0; i < bytes.length; i++) {
    const c = bytes[i]!
    if (c === QUOTE) {
      for (i++; i < bytes.length && bytes[i] !== QUOTE; i++) if (bytes[i] === BACKSLASH) i++
    } else if (c === COLON) keys++
    else if (c === OPEN_BRACE || c === OPEN_BRACKET) {
      if (++depth > MAX_DEPTH) return -1
    } else if (c === CLOSE_BRACE || c === CLOSE_BRACKET) depth--
  }
  return keys
}

/** Number of keys in a parsed value; NaN when one is `__proto__`, so that no comparison with it holds. */
function countKeys(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  let keys = 0
  if (Array.isArray(value)) {
    for (const item of value) if (typeof item === 'object') keys += countKeys(item)
    return keys
  }
  for (const key in value) {
    if (key === '__proto__') return Number.NaN
    keys++
    const item = (value as Record<string, unknown>)[key]
    if (typeof item === 'object') keys += countKeys(item)
  }
  return keys
}
