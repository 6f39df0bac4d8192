import type { Group } from '@lever/rl-dataset'
import { mean } from '../numbers.ts'

/**
 * Measurements that count as much as the prior that a candidate is like all others. On a real model the variance of
 * expected accuracy within a query is about 12 times that between demonstrations.
 */
const PRIOR = 12

/**
 * What showing a candidate gains for every query alike, by its id: the sum over the measured pointers that show it of
 * (value - mean of the group), over their number + 12, so that a candidate that was measured seldom is taken for average.
 */
export function staticEffects(
  groups: readonly Group[],
  valuesOf: (group: Group) => ArrayLike<number>,
): Map<number, number> {
  const sums = new Map<number, { gain: number; count: number }>()
  for (const group of groups) {
    const { pointers, shots, size, poolIds } = group
    const values = valuesOf(group)
    const centre = mean(values)
    for (let g = 0; g < size; g++) {
      for (const n of pointers.subarray(g * shots, (g + 1) * shots)) {
        if (n < 0) continue
        const { gain, count } = sums.get(poolIds[n]!) ?? { gain: 0, count: 0 }
        sums.set(poolIds[n]!, { gain: gain + values[g]! - centre, count: count + 1 })
      }
    }
  }
  return new Map(Array.from(sums, ([id, { gain, count }]) => [id, gain / (count + PRIOR)]))
}
