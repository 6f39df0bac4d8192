/** An item that occurs twice in a list; undefined when all differ. */
export function firstRepeated(items: readonly number[]): number | undefined {
  if (items.length > 128) {
    const seen = new Set<number>()
    return items.find((item) => seen.size === seen.add(item).size)
  }
  for (let i = 1; i < items.length; i++) {
    for (let j = 0; j < i; j++) if (items[i] === items[j]) return items[i]
  }
  return undefined
}

/** Pointers into pools of up to 64 by 2, or 16 by 3, are looked up in a table, which costs no memory per query. */
const TABLE = 4096
const epochs = new Int32Array(TABLE)
const places = new Int32Array(TABLE)
let epoch = 0

/**
 * A function that tells for the pointers of one query, in turn, where the same pointer stood first (or stands now). Use it up
 * before the next one is made.
 */
export function firstPlaces(
  pool: readonly number[] | null,
): (pointer: readonly number[], place: number) => number {
  epoch++
  const size = pool?.length ?? Infinity
  const seen = new Map<string, number>()
  return (pointer, place) => {
    if (size ** pointer.length <= TABLE) {
      let key = 0
      for (const position of pointer) key = key * size + position
      if (key < TABLE) {
        if (epochs[key] === epoch) return places[key]!
        epochs[key] = epoch
        places[key] = place
        return place
      }
    }
    const key = pointer.join()
    const first = seen.get(key)
    if (first === undefined) seen.set(key, place)
    return first ?? place
  }
}
