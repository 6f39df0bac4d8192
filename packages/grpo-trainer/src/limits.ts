/** Allowed range of a number. */
export interface Limits {
  readonly min?: number
  /** The number must be larger. */
  readonly above?: number
  /** The number must be smaller. */
  readonly below?: number
  readonly whole?: boolean
}

/** Whether a finite number is within limits. */
export function isWithin(
  value: number,
  { min = -Infinity, above = -Infinity, below = Infinity, whole = false }: Limits,
): boolean {
  return (
    Number.isFinite(value) &&
    value >= min &&
    value > above &&
    value < below &&
    (!whole || Number.isSafeInteger(value))
  )
}

/** Limits in words: `a whole number from 1`. */
export function describeLimits({ min, above, below, whole = false }: Limits): string {
  const parts = [
    ...(min === undefined ? [] : [`from ${min}`]),
    ...(above === undefined ? [] : [`above ${above}`]),
    ...(below === undefined ? [] : [`below ${below}`]),
  ]
  return `a ${whole ? 'whole ' : ''}number${parts.length === 0 ? '' : ` ${parts.join(' and ')}`}`
}
