const BASE_MS = 500
const CAP_MS = 30_000
/** Upper limit for `Retry-After`. */
const RETRY_AFTER_MAX_MS = 10 * 60_000

/**
 * Exponential backoff with full jitter: uniform in [0, min(cap, base 2^n)) for the n-th failure in
 * a row, n from 0. Source: M. Brooker, "Exponential Backoff and Jitter",
 * https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 *
 * @returns milliseconds
 */
export function backoff(failures: number, random: () => number): number {
  return random() * Math.min(CAP_MS, BASE_MS * 2 ** Math.min(failures, 30))
}

/**
 * `Retry-After` as RFC 9110 section 10.2.3 has it: seconds, or an HTTP date.
 *
 * @returns milliseconds from `now`, at most ten minutes; undefined when there is none, or it is neither
 */
export function retryAfter(header: string | null, now: number): number | undefined {
  if (header === null) return undefined
  const text = header.trim()
  const wait = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now
  return Number.isFinite(wait) ? Math.min(RETRY_AFTER_MAX_MS, Math.max(0, wait)) : undefined
}
