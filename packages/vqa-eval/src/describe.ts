/** A value in a message: what it is, and how it begins. */
export function describe(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (value instanceof Map) return 'an object'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'bigint' || typeof value === 'number') return String(value)
  const text = JSON.stringify(value)
  return text.length > 60 ? `${text.slice(0, 60)}...` : text
}
