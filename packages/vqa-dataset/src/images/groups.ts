/** Items 0..n-1 in groups that grow together. */
export interface Groups {
  join(a: number, b: number): void
  /** The smallest item of the group that an item is in. */
  firstOf(item: number): number
}

/** Every item is a group of its own at first (union-find with path halving). */
export function createGroups(count: number): Groups {
  const parent = Int32Array.from({ length: count }, (_, i) => i)
  const firstOf = (item: number): number => {
    let at = item
    while (parent[at] !== at) {
      parent[at] = parent[parent[at]!]!
      at = parent[at]!
    }
    return at
  }
  return {
    firstOf,
    join(a, b) {
      const [first, second] = [firstOf(a), firstOf(b)]
      parent[Math.max(first, second)] = Math.min(first, second)
    },
  }
}
