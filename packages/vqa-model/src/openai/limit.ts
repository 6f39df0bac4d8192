/** How many requests may be at a server at one time; found out by trying. */
export interface Limit {
  readonly value: number
  /** when it was lowered last, milliseconds */
  readonly loweredAt: number
}

/** Requests at one time before anything is known. */
const START = 8

export function startLimit(most: number): Limit {
  return { value: Math.min(START, most), loweredAt: -Infinity }
}

/** Additive increase: one more per `value` answers, that is, per round. */
export function raiseLimit({ value, loweredAt }: Limit, most: number): Limit {
  return { value: Math.min(most, value + 1 / value), loweredAt }
}

/**
 * Multiplicative decrease: half, once for all requests that were on the way together, so that a
 * burst of refusals counts as one.
 */
export function lowerLimit(limit: Limit, sentAt: number, now: number): Limit {
  if (sentAt <= limit.loweredAt) return limit
  return { value: Math.max(1, limit.value / 2), loweredAt: now }
}
