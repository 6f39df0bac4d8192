import type { QuestionId } from './question-id.ts'

/** A list of ids; numbers take eight bytes each. */
export interface IdList {
  readonly length: number
  /** Null for an id that is absent. */
  at(index: number): QuestionId | null
  push(id: QuestionId | null): void
  clear(): void
  /** The ids as doubles, NaN for those that are not numbers. */
  numbers(): Float64Array
}

export function createIdList(): IdList {
  let numbers = new Float64Array(1024)
  let length = 0
  const others = new Map<number, QuestionId | null>()
  return {
    get length() {
      return length
    },
    at(index) {
      const number = numbers[index]!
      return Number.isNaN(number) ? (others.get(index) ?? null) : number
    },
    push(id) {
      if (length === numbers.length) {
        const larger = new Float64Array(length * 2)
        larger.set(numbers)
        numbers = larger
      }
      if (typeof id !== 'number') others.set(length, id)
      numbers[length++] = typeof id === 'number' ? id : NaN
    },
    clear() {
      length = 0
      others.clear()
    },
    numbers: () => numbers.subarray(0, length),
  }
}

/** Finds the last row of an id. Number 1 and string "1" are two ids. */
export interface IdIndex {
  /** Number of different ids. */
  readonly size: number
  /** The last row of an id, -1 for an unknown one. */
  rowOf(id: QuestionId): number
  /** `rowOf` of every id that was indexed, -1 for an absent one. */
  rows(): Int32Array
}

const MAX_LOAD = 0.75

/** `distinct` is how many different ids to expect; a wrong guess costs time or memory, nothing else. */
export function indexIds(ids: IdList, distinct: number = ids.length): IdIndex {
  const numbers = ids.numbers()
  let slots = new Int32Array(2 ** Math.ceil(Math.log2(distinct / MAX_LOAD + 16))).fill(-1)
  const others = new Map<QuestionId, number>()
  let size = 0

  function slotOf(id: number): number {
    const mask = slots.length - 1
    let slot = hash(id) & mask
    while (slots[slot] !== -1 && numbers[slots[slot]!] !== id) slot = (slot + 1) & mask
    return slot
  }

  function grow(): void {
    const before = slots
    slots = new Int32Array(before.length * 2).fill(-1)
    for (const row of before) if (row !== -1) slots[slotOf(numbers[row]!)] = row
  }

  function rowOf(id: QuestionId): number {
    return typeof id === 'number' ? slots[slotOf(id)]! : (others.get(id) ?? -1)
  }

  for (let row = 0; row < numbers.length; row++) {
    const number = numbers[row]!
    if (Number.isNaN(number)) {
      const id = ids.at(row)
      if (id !== null) others.set(id, row)
      continue
    }
    const slot = slotOf(number)
    if (slots[slot] === -1 && ++size > slots.length * MAX_LOAD) {
      grow()
      slots[slotOf(number)] = row
    } else slots[slot] = row
  }
  return {
    size: size + others.size,
    rowOf,
    rows() {
      const rows = new Int32Array(numbers.length)
      for (let row = 0; row < rows.length; row++) {
        const number = numbers[row]!
        const id = Number.isNaN(number) ? ids.at(row) : number
        rows[row] = id === null ? -1 : rowOf(id)
      }
      return rows
    },
  }
}

function hash(id: number): number {
  const low = id | 0
  const high = ((id - low) / 4294967296) | 0
  let mixed = Math.imul(low ^ (low >>> 16), 0x45d9f3b) ^ Math.imul(high, 0x9e3779b1)
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d)
  return mixed ^ (mixed >>> 13)
}
