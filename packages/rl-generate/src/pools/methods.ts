import * as table from './index.ts'
import type { PoolMethod } from './types.ts'

export type PoolMethodName = keyof typeof table

/** How a pool is chosen, by name. */
export const POOL_METHODS: Readonly<Record<PoolMethodName, PoolMethod>> = table

export const POOL_METHOD_NAMES: readonly PoolMethodName[] = Object.keys(table) as PoolMethodName[]
