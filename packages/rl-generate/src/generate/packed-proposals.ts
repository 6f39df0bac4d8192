import type { Proposal } from '../proposals/types.ts'

/** Proposals of many queries, packed. */
export interface PackedProposals {
  /** Number of proposals of all queries. */
  readonly size: number
  add(queryId: number, proposals: readonly Proposal[]): void
  countOf(queryId: number): number
  /** The proposals of a query, equal to those that were added. */
  of(queryId: number): Proposal[]
}

/** The numbers of a proposal that may be null. */
const FIELDS = ['beamRank', 'temperature', 'beamScore', 'logProb'] as const
const FIRST_SIZE = 1024

/**
 * Keeps proposals in typed arrays, since there may be a million: K positions of 4 bytes, one byte for the method and,
 * where there is any, 8 bytes for each of the numbers; NaN stands for null.
 */
export function packProposals(shots: number): PackedProposals {
  const places = new Map<number, { start: number; count: number }>()
  const methods: string[] = []
  let positions = new Uint32Array(FIRST_SIZE * shots)
  let methodOf = new Uint8Array(FIRST_SIZE)
  const numbers = new Map<(typeof FIELDS)[number], Float64Array>()
  let size = 0

  const numberOf = (name: string): number => {
    const found = methods.indexOf(name)
    return found >= 0 ? found : methods.push(name) - 1
  }
  const reserve = (wanted: number): void => {
    if (wanted <= methodOf.length) return
    const length = Math.max(wanted, 2 * methodOf.length)
    positions = copyOf(positions, new Uint32Array(length * shots))
    methodOf = copyOf(methodOf, new Uint8Array(length))
    for (const [field, values] of numbers)
      numbers.set(field, copyOf(values, new Float64Array(length).fill(NaN)))
  }
  const note = (field: (typeof FIELDS)[number], value: number | null): void => {
    if (value === null) return
    const values = numbers.get(field) ?? new Float64Array(methodOf.length).fill(NaN)
    numbers.set(field, values)
    values[size] = value
  }
  const read = (at: number): Proposal => {
    const value = (field: (typeof FIELDS)[number]): number | null => {
      const found = numbers.get(field)?.[at] ?? NaN
      return Number.isNaN(found) ? null : found
    }
    return {
      pointer: Array.from(positions.subarray(at * shots, (at + 1) * shots)),
      method: methods[methodOf[at]!]!,
      beamRank: value('beamRank'),
      temperature: value('temperature'),
      beamScore: value('beamScore'),
      logProb: value('logProb'),
    }
  }

  return {
    get size() {
      return size
    },
    countOf: (queryId) => places.get(queryId)!.count,
    add(queryId, proposals) {
      places.set(queryId, { start: size, count: proposals.length })
      reserve(size + proposals.length)
      for (const proposal of proposals) {
        positions.set(proposal.pointer, size * shots)
        methodOf[size] = numberOf(proposal.method)
        for (const field of FIELDS) note(field, proposal[field])
        size += 1
      }
    },
    of(queryId) {
      const { start, count } = places.get(queryId)!
      return Array.from({ length: count }, (_, i) => read(start + i))
    },
  }
}

function copyOf<A extends Uint32Array | Uint8Array | Float64Array>(from: A, to: A): A {
  to.set(from)
  return to
}
