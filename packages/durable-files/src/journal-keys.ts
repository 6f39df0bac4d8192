/** Which line of a journal holds a key. Memory holds neither keys nor lines. */
export interface KeyIndex {
  readonly size: number
  /** Offset of the key's line, or undefined. */
  find(key: string): number | undefined
  /** Adds a key that is not there. No line is at offset 0, where the header is. */
  add(key: string, offset: number): void
  /** Offsets of all lines, ascending. */
  offsets(): Float64Array
}

const FIRST_SLOTS = 1024
/** Of ten slots so many are used at most. */
const MAX_LOAD_OF_TEN = 7

/**
 * A hash table with open addressing and linear probing: 64 bits of a hash and the offset of the line, 16 bytes a slot.
 * It is exact: where both hashes are equal, `isKeyAt` compares the key with that of the line itself.
 */
export function createKeyIndex(isKeyAt: (offset: number, key: string) => boolean): KeyIndex {
  let slots = FIRST_SLOTS
  let hashes = new Uint32Array(2 * slots)
  let places = new Float64Array(slots)
  let size = 0
  const hash = new Uint32Array(2)

  /** The slot of the key, or the free one where it belongs. */
  const slotOf = (key: string): number => {
    hashInto(hash, key)
    const [low, high] = [hash[0]!, hash[1]!]
    for (let slot = low & (slots - 1); ; slot = (slot + 1) & (slots - 1)) {
      const offset = places[slot]!
      if (offset === 0) return slot
      if (hashes[2 * slot] !== low || hashes[2 * slot + 1] !== high) continue
      if (isKeyAt(offset, key)) return slot
    }
  }

  const grow = (): void => {
    const [oldHashes, oldPlaces] = [hashes, places]
    slots *= 2
    hashes = new Uint32Array(2 * slots)
    places = new Float64Array(slots)
    for (let old = 0; old < oldPlaces.length; old++) {
      if (oldPlaces[old] === 0) continue
      let slot = oldHashes[2 * old]! & (slots - 1)
      while (places[slot] !== 0) slot = (slot + 1) & (slots - 1)
      places[slot] = oldPlaces[old]!
      hashes[2 * slot] = oldHashes[2 * old]!
      hashes[2 * slot + 1] = oldHashes[2 * old + 1]!
    }
  }

  return {
    get size() {
      return size
    },
    find(key) {
      const offset = places[slotOf(key)]!
      return offset === 0 ? undefined : offset
    },
    add(key, offset) {
      if (10 * (size + 1) > MAX_LOAD_OF_TEN * slots) grow()
      const slot = slotOf(key)
      places[slot] = offset
      hashes[2 * slot] = hash[0]!
      hashes[2 * slot + 1] = hash[1]!
      size += 1
    },
    offsets: () => places.filter((offset) => offset !== 0).sort(),
  }
}

/**
 * Two hashes of 32 bits: FNV-1a (https://datatracker.ietf.org/doc/html/rfc9923) over UTF-16 code units with two
 * multipliers, and the finalizer of MurmurHash3 (https://github.com/aappleby/smhasher).
 */
function hashInto(hash: Uint32Array, key: string): void {
  let low = 0x811c9dc5
  let high = 0x9e3779b9
  for (let i = 0; i < key.length; i++) {
    const unit = key.charCodeAt(i)
    low = Math.imul(low ^ unit, 0x01000193)
    high = Math.imul(high ^ unit, 0x85ebca6b)
  }
  hash[0] = finalize(low)
  hash[1] = finalize(high)
}

function finalize(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return mixed ^ (mixed >>> 16)
}
