import type { Random } from '@lever/reward-utils'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import { checkPositions } from '../batches.ts'

/** Which pointers are drawn. */
export interface RandomPointersOptions {
  /** N */
  readonly pool: number
  /** K */
  readonly shots: number
  /** Pointers to draw; equal ones may be among them. */
  readonly count: number
  /** The stream that is drawn from. */
  readonly random: Random
  /** Positions that may not be chosen. Default none. */
  readonly exclude?: readonly number[]
}

const RANDOM_POINTERS_OPTIONS: OptionNames<RandomPointersOptions> = {
  pool: true,
  shots: true,
  count: true,
  random: true,
  exclude: true,
}

/**
 * Uniform ordered pointers without repetition inside one.
 * @throws RangeError if the pool has fewer free candidates than shots, or an excluded position is not in it.
 */
export function randomPointers(options: RandomPointersOptions): Int32Array[] {
  refuseUnknownOptions(options, RANDOM_POINTERS_OPTIONS, 'pointer-model: randomPointers')
  const { pool, shots, count, random, exclude = [] } = options
  checkPositions(exclude, pool, 'randomPointers')
  const barred = new Set(exclude)
  const free = Array.from({ length: pool }, (_, n) => n).filter((n) => !barred.has(n))
  if (free.length < shots) {
    throw new RangeError(`pointer-model: cannot choose ${shots} of ${free.length} candidates`)
  }
  return Array.from({ length: count }, () => Int32Array.from(random.sample(free, shots)))
}
