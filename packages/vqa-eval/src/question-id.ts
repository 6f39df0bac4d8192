import { InputError } from '@lever/durable-files/input-error'

/** A question or image id as files hold it. Integers beyond 2^53 are bigint, so that no two ids become one. */
export type QuestionId = number | string | bigint

/**
 * The rule for ids, which every reader follows: an id is a string or an integer. Gives the one form of those that Python
 * finds equal: true is 1, 1.0 is 1, an integer beyond 2^53 is a bigint. Undefined for what cannot be an id (null, 4.5,
 * NaN, lists, objects).
 */
export function canonicalId(value: unknown): QuestionId | undefined {
  if (typeof value === 'string') return value
  if (typeof value === 'boolean') return Number(value)
  if (typeof value === 'bigint') return BigInt.asIntN(54, value) === value ? Number(value) : value
  if (typeof value !== 'number' || !Number.isInteger(value)) return undefined
  if (!Number.isSafeInteger(value)) return BigInt(value)
  return value === 0 ? 0 : value
}

/** An id as JSON text. */
export function formatId(id: QuestionId): string {
  return typeof id === 'string' ? JSON.stringify(id) : String(id)
}

/** The first `limit` ids and how many follow. */
export function formatIds(ids: readonly QuestionId[], limit = 5): string {
  const first = ids.slice(0, limit).map(formatId).join(', ')
  return ids.length > limit ? `${first} and ${ids.length - limit} more` : first
}

/**
 * An id that a number or a string can hold; `source` begins the message.
 * @throws InputError if it is an integer beyond 2^53
 */
export function narrowId(id: QuestionId, source: string): number | string {
  if (typeof id === 'bigint') {
    throw new InputError(`${source}: id ${id} is beyond 2^53; write it as a string`)
  }
  return id
}
