/** Mean of numbers; 0 of none. */
export function mean(values: ArrayLike<number>): number {
  let total = 0
  for (let i = 0; i < values.length; i++) total += values[i]!
  return values.length === 0 ? 0 : total / values.length
}

/** The largest number, of however many; -Infinity of none. */
export function largest(values: ArrayLike<number>): number {
  let most = -Infinity
  for (let i = 0; i < values.length; i++) most = Math.max(most, values[i]!)
  return most
}

/** Standard deviation of numbers, over n; 0 of none. */
export function deviation(values: ArrayLike<number>): number {
  const centre = mean(values)
  return Math.sqrt(mean(Array.from(values, (value) => (value - centre) ** 2)))
}
