import * as table from './index.ts'
import type { PoolMethod } from './types.ts'

/** A name of {@link POOL_METHODS}. */
export type PoolMethodName = keyof typeof table

/** How a pool is chosen, by name. */
export const POOL_METHODS: Readonly<Record<PoolMethodName, PoolMethod>> = table

/** The names of the pool methods. */
export const POOL_METHOD_NAMES: readonly PoolMethodName[] = Object.keys(table) as PoolMethodName[]

/**
 * The method where none is asked for: retrieval by what there are embeddings of, else `random`, the method of the
 * original. What each is worth is in docs/results.md.
 */
export function defaultPoolMethod(kinds: readonly string[]): PoolMethodName {
  if (kinds.includes('text') && kinds.includes('image')) return 'mixed'
  if (kinds.includes('both')) return 'both-similar'
  return kinds.includes('text') ? 'text-similar' : kinds.includes('image') ? 'image-similar' : 'random'
}
