import type { Example } from '../types.ts'

/** Examples sorted so that those of one image are neighbours: by image id, then id. */
export function imageOrder<E extends Example>(examples: readonly E[]): E[] {
  return examples.toSorted((a, b) => compareIds(a.imageId, b.imageId) || a.id - b.id)
}

/** Example id -> place in {@link imageOrder}. */
export function imagePlaces(examples: readonly Example[]): Map<number, number> {
  return new Map(imageOrder(examples).map(({ id }, place) => [id, place]))
}

/** What the order of work needs to know of a prompt. */
export interface Placed {
  /** Places of the demonstrations, in prompt order, then of the query. */
  readonly places: readonly number[]
}

/**
 * Sorts prompts so that those with equal first demonstrations are neighbours, and among them
 * those with equal second ones, and so on: a model that keeps the prefix of the prompt before
 * computes every prefix once. Equal images are neighbours because places are.
 */
export function prefixOrder<T extends Placed>(prompts: readonly T[]): T[] {
  return prompts.toSorted((a, b) => {
    const length = Math.min(a.places.length, b.places.length)
    for (let i = 0; i < length; i++) {
      if (a.places[i] !== b.places[i]) return a.places[i]! - b.places[i]!
    }
    return a.places.length - b.places.length
  })
}

/**
 * Cuts sorted prompts into batches of at most `size`, preferably where the first demonstration
 * changes, so that two workers do not both compute it.
 */
export function cutBatches<T extends Placed>(prompts: readonly T[], size: number): T[][] {
  const batches: T[][] = []
  for (let start = 0; start < prompts.length;) {
    let end = Math.min(prompts.length, start + size)
    const least = start + Math.ceil(size / 2)
    for (let at = end; end < prompts.length && at >= least; at--) {
      if (prompts[at]!.places[0] === prompts[at - 1]!.places[0]) continue
      end = at
      break
    }
    batches.push(prompts.slice(start, end))
    start = end
  }
  return batches
}

/**
 * Of the demonstrations in sorted prompts, how many a model that keeps prefixes sees for the first
 * time, and how many stand behind the same prefix in the prompt before.
 */
export function countPrefixes(prompts: readonly Placed[]): { fresh: number; shared: number } {
  const counts = { fresh: 0, shared: 0 }
  let before: readonly number[] = []
  for (const { places } of prompts) {
    const demonstrations = places.slice(0, -1)
    const unlike = demonstrations.findIndex((place, i) => place !== before[i])
    const equal = unlike < 0 ? demonstrations.length : unlike
    counts.shared += equal
    counts.fresh += demonstrations.length - equal
    before = demonstrations
  }
  return counts
}

function compareIds(a: number | string | null, b: number | string | null): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b
  const [x, y] = [String(a), String(b)]
  return x < y ? -1 : x > y ? 1 : 0
}
