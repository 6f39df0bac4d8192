import { decodeString, type Cursor } from '@lever/json-text'

/** Texts numbered from 0 in order of first appearance, so that equal texts are equal numbers. */
export interface TextTable {
  readonly texts: readonly string[]
  idOf(text: string): number
  /** The number of the string that was read last at a cursor; it is decoded only at first sight. */
  idAt(c: Cursor): number
}

export function createTextTable(): TextTable {
  const texts: string[] = []
  const ids = new Map<string, number>()
  let slots = new Int32Array(1 << 12).fill(-1)
  let hashes = new Int32Array(1 << 11)
  let textIds = new Int32Array(1 << 11)
  let ends = new Int32Array(1 << 11)
  let arena = new Uint8Array(1 << 16)
  let entries = 0
  let used = 0

  function idOf(text: string): number {
    const known = ids.get(text)
    if (known !== undefined) return known
    ids.set(text, texts.length)
    return texts.push(text) - 1
  }

  function matches(entry: number, bytes: Uint8Array, start: number, end: number): boolean {
    const from = entry === 0 ? 0 : ends[entry - 1]!
    if (ends[entry]! - from !== end - start) return false
    for (let i = start, j = from; i < end; i++, j++) if (arena[j] !== bytes[i]) return false
    return true
  }

  function grow(extra: number): void {
    while (used + extra > arena.length) arena = enlarged(arena, new Uint8Array(arena.length * 2))
    if (entries < hashes.length) return
    hashes = enlarged(hashes, new Int32Array(entries * 2))
    textIds = enlarged(textIds, new Int32Array(entries * 2))
    ends = enlarged(ends, new Int32Array(entries * 2))
    slots = new Int32Array(entries * 4).fill(-1)
    for (let entry = 0; entry < entries; entry++) slots[freeSlot(hashes[entry]!)] = entry
  }

  function freeSlot(hash: number): number {
    let slot = mix(hash) & (slots.length - 1)
    while (slots[slot] !== -1) slot = (slot + 1) & (slots.length - 1)
    return slot
  }

  function idAt(c: Cursor): number {
    const { bytes, start, stop } = c
    let hash = 0
    for (let i = start; i < stop; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193)
    const mask = slots.length - 1
    for (let slot = mix(hash) & mask; slots[slot] !== -1; slot = (slot + 1) & mask) {
      const entry = slots[slot]!
      if (hashes[entry] === hash && matches(entry, bytes, start, stop)) return textIds[entry]!
    }
    const id = idOf(decodeString(c))
    grow(stop - start)
    arena.set(bytes.subarray(start, stop), used)
    used += stop - start
    hashes[entries] = hash
    textIds[entries] = id
    ends[entries] = used
    slots[freeSlot(hash)] = entries++
    return id
  }

  return { texts, idOf, idAt }
}

function mix(hash: number): number {
  return hash ^ (hash >>> 15)
}

function enlarged<T extends Uint8Array | Int32Array>(from: T, to: T): T {
  to.set(from)
  return to
}
