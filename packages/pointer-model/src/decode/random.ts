import type { Random } from '@lever/reward-utils'
import { checkPositions } from '../batches.ts'

/**
 * Uniform ordered pointers without repetition inside one.
 * @throws RangeError if the pool has fewer free candidates than shots, or an excluded position is not in it.
 */
export function randomPointers({
  pool,
  shots,
  count,
  random,
  exclude = [],
}: {
  /** N */
  pool: number
  shots: number
  count: number
  random: Random
  /** Positions that may not be chosen. */
  exclude?: readonly number[]
}): Int32Array[] {
  checkPositions(exclude, pool, 'randomPointers')
  const barred = new Set(exclude)
  const free = Array.from({ length: pool }, (_, n) => n).filter((n) => !barred.has(n))
  if (free.length < shots) {
    throw new RangeError(`pointer-model: cannot choose ${shots} of ${free.length} candidates`)
  }
  return Array.from({ length: count }, () => Int32Array.from(random.sample(free, shots)))
}
