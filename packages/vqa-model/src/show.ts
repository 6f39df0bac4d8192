/** A value as an error message shows it. */
export function show(value: unknown): string {
  return value === undefined ? 'missing' : JSON.stringify(value)
}
