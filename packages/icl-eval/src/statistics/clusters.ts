/** Which cluster each value belongs to: `index[i]` in 0..count-1. Questions about one image are one cluster. */
export interface Clusters {
  readonly index: Int32Array
  readonly count: number
}

/**
 * Numbers equal ids (usually image ids) in order of first appearance; 42 and '42' are the same id.
 * A null or undefined id is a cluster of its own, so data without images falls back to independent questions.
 */
export function clustersOf(ids: readonly (number | string | null | undefined)[]): Clusters {
  const numbers = new Map<string, number>()
  const index = new Int32Array(ids.length)
  let count = 0
  ids.forEach((id, i) => {
    const key = id === null || id === undefined ? null : String(id)
    const known = key === null ? undefined : numbers.get(key)
    index[i] = known ?? count
    if (known !== undefined) return
    if (key !== null) numbers.set(key, count)
    count += 1
  })
  return { index, count }
}

/** Every value is its own cluster. */
export function singletons(length: number): Clusters {
  return { index: Int32Array.from({ length }, (_, i) => i), count: length }
}

/** Throws RangeError when `values` and `clusters` differ in length. */
export function assertClustered(values: ArrayLike<number>, clusters: Clusters, caller: string): void {
  if (values.length !== clusters.index.length) {
    throw new RangeError(
      `icl-eval: ${caller} got ${values.length} values for ${clusters.index.length} cluster indices; ` +
        'both follow the same list of questions',
    )
  }
}
