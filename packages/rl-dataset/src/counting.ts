/** Smallest, mean and largest of some numbers; zeros when there are none. */
export interface Spread {
  readonly min: number
  readonly mean: number
  readonly max: number
}

export function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    const same = groups.get(keyOf(item))
    if (same) same.push(item)
    else groups.set(keyOf(item), [item])
  }
  return groups
}

export function count<T>(items: readonly T[], holds: (item: T) => boolean): number {
  return items.reduce((sum, item) => sum + (holds(item) ? 1 : 0), 0)
}

export function rate<T>(items: readonly T[], holds: (item: T) => boolean): number | null {
  return items.length === 0 ? null : count(items, holds) / items.length
}

export function meanOf(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((a, b) => a + b, 0) / values.length
}

export function largest(values: readonly number[]): number {
  return values.reduce((a, b) => Math.max(a, b), -Infinity)
}

export function spreadOf(values: readonly number[]): Spread {
  if (values.length === 0) return { min: 0, mean: 0, max: 0 }
  return { min: values.reduce((a, b) => Math.min(a, b)), mean: meanOf(values)!, max: largest(values) }
}

export function sampleStd(values: Float64Array): number {
  if (values.length < 2) return 0
  const mean = values.reduce((a, b) => a + b, 0) / values.length
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1))
}
