import { canonicalJson } from './canonical-json.ts'

/**
 * The places where two JSON values differ, as sentences such as
 * `protocol.model: "a" there, "b" here`. Objects are compared key by key, lists of as many objects one by one,
 * everything else whole.
 */
export function differences(there: unknown, here: unknown, place = ''): string[] {
  if (isListOfObjects(there) && isListOfObjects(here) && there.length === here.length) {
    return there.flatMap((one, i) => differences(one, here[i], `${place}[${i}]`))
  }
  if (!isObject(there) || !isObject(here)) {
    const [a, b] = [shown(there), shown(here)]
    return a.full === b.full ? [] : [`${place || 'value'}: ${a.short} there, ${b.short} here`]
  }
  const keys = new Set([...Object.keys(there), ...Object.keys(here)])
  return [...keys]
    .sort()
    .flatMap((key) => differences(own(there, key), own(here, key), place === '' ? key : `${place}.${key}`))
}

/** The first `limit` differences in one line, with how many were left out. */
export function listDifferences(there: unknown, here: unknown, limit = 10): string {
  const all = differences(there, here)
  const rest = all.length > limit ? `; and ${all.length - limit} more` : ''
  return all.slice(0, limit).join('; ') + rest
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isListOfObjects(value: unknown): value is readonly Record<string, unknown>[] {
  return Array.isArray(value) && value.every(isObject)
}

function own(value: Record<string, unknown>, key: string): unknown {
  return Object.hasOwn(value, key) ? value[key] : undefined
}

function shown(value: unknown): { full: string; short: string } {
  if (value === undefined) return { full: '', short: 'nothing' }
  const full = canonicalJson(value)
  return { full, short: full.length > 80 ? `${full.slice(0, 77)}...` : full }
}
