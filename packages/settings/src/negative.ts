/** No argument of a process can hold this character. */
const MARK = '\0'

/**
 * Marks arguments such as `-1,1`, `-.5` and `-1e-3`, which are values: no option begins with a digit. A parser would take
 * them for flags.
 */
export function protectNegative(args: readonly string[]): string[] {
  return args.map((arg) => (/^-\.?\d/.test(arg) ? MARK + arg : arg))
}

/** A parsed value, or a list of them, without the marks of `protectNegative`. */
export function restoreNegative(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(restoreNegative)
  return typeof value === 'string' && value.startsWith(MARK) ? value.slice(MARK.length) : value
}
