/**
 * JSON with sorted keys (by UTF-16 code unit, as RFC 8785) and no spaces: equal values give
 * equal text. A property that is `undefined` is left out; what JSON cannot say exactly (NaN,
 * infinities, `undefined` in an array, bigint, Map, typed arrays, cycles) is refused.
 *
 * @throws TypeError naming the place, e.g. `$.config.rates[2]`
 */
export function canonicalJson(value: unknown): string {
  return write(value, '$', [])
}

function write(value: unknown, place: string, parents: readonly object[]): string {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return JSON.stringify(value)
    case 'number':
      if (!Number.isFinite(value)) refuse(value, place, 'JSON has no such number')
      return JSON.stringify(value)
    case 'object':
      if (value === null) return 'null'
      return writeObject(value, place, parents)
    default:
      return refuse(value, place, 'use a string, a number, a boolean, null, an array or an object')
  }
}

function writeObject(value: object, place: string, parents: readonly object[]): string {
  if (parents.includes(value)) refuse(value, place, 'it contains itself')
  const inside = [...parents, value]
  if (Array.isArray(value)) {
    let text = '['
    for (let i = 0; i < value.length; i++) {
      if (i > 0) text += ','
      text += write(value[i], `${place}[${i}]`, inside)
    }
    return text + ']'
  }
  if ('toJSON' in value && typeof value.toJSON === 'function') {
    return write((value.toJSON as () => unknown)(), place, inside)
  }
  if (!isPlain(value)) refuse(value, place, 'turn it into a plain object or an array')
  const fields = value as Record<string, unknown>
  let text = '{'
  for (const key of Object.keys(fields).sort()) {
    const field = fields[key]
    if (field === undefined) continue
    if (text.length > 1) text += ','
    text += JSON.stringify(key) + ':' + write(field, `${place}.${key}`, inside)
  }
  return text + '}'
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

function refuse(value: unknown, place: string, why: string): never {
  const shown = typeof value === 'object' && value !== null ? kind(value) : String(value)
  throw new TypeError(`durable-files: ${shown} at ${place} cannot be written as JSON: ${why}`)
}

function kind(value: object): string {
  return `a value of type ${Object.prototype.toString.call(value).slice(8, -1)}`
}
