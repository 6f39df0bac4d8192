import { isUtf8 } from 'node:buffer'
import { diagnoseJson } from './json-diagnose.ts'
import { MAX_DEPTH } from './json-scan.ts'

/** A parsed value, or what is wrong with its text. */
export type ParsedValue =
  | { readonly value: unknown }
  | {
      readonly problem: string
      /** Bytes from the start of the text. */
      readonly offset: number
      /** Keys and indices that lead to the place. */
      readonly path: readonly (string | number)[]
    }

/**
 * Parses JSON strictly: UTF-8, no key twice in one object, no key `__proto__`, not nested deeper than `MAX_DEPTH`.
 * Twice written keys are noticed by their number: `keys`, counted in the text, against those of the value.
 */
export function parseJson(bytes: Uint8Array, keys: number): ParsedValue {
  const text = decode(bytes)
  if (typeof text !== 'string') return text
  try {
    const value: unknown = JSON.parse(text)
    if (countKeys(value) === keys) return { value }
  } catch {
    // diagnosed below
  }
  const fault = diagnoseJson(text)
  if (!fault) return { problem: 'the text is not JSON', offset: 0, path: [] }
  return { problem: fault.reason, offset: Buffer.byteLength(text.slice(0, fault.at)), path: fault.path }
}

function decode(bytes: Uint8Array): string | ParsedValue {
  if (!isUtf8(bytes)) return { problem: 'the text is not UTF-8; save the file as UTF-8', offset: 0, path: [] }
  try {
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
  } catch {
    return { problem: `a value of ${bytes.length} bytes is too large to read; split it`, offset: 0, path: [] }
  }
}

/** Number of keys in a JSON text, each counted as often as it is written, or -1 when it is nested too deep. */
export function countKeysInText(bytes: Uint8Array): number {
  let keys = 0
  let depth = 0
  for (let i = 0; i < bytes.length; i++) {
    const c = bytes[i]!
    if (c === 0x22) {
      for (i++; i < bytes.length && bytes[i] !== 0x22; i++) if (bytes[i] === 0x5c) i++
    } else if (c === 0x3a) keys++
    else if (c === 0x7b || c === 0x5b) {
      if (++depth > MAX_DEPTH) return -1
    } else if (c === 0x7d || c === 0x5d) depth--
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
