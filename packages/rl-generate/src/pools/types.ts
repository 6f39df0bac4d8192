import type { Random } from '@lever/reward-utils'
import type { Example, FeaturePair } from '../types.ts'

/** Which solved examples a query may be shown. */
export interface Pools {
  /** The method that made them, a name of `POOL_METHODS`. */
  readonly method: string
  /** N */
  readonly size: number
  readonly seed: number | string
  /** Query id -> [N] distinct ids of examples. A pool is a set: built ones are ascending. */
  readonly byQuery: ReadonlyMap<number, readonly number[]>
}

export interface PoolFeatures {
  text?: FeaturePair
  image?: FeaturePair
}

/** What a pool method is given. Rows are positions in `candidates`. */
export interface PoolContext {
  readonly queries: readonly Example[]
  readonly candidates: readonly Example[]
  /** 0, 1, 2, ...: the rows of all candidates. */
  readonly rows: readonly number[]
  /** N */
  readonly size: number
  readonly features: PoolFeatures
  readonly file: Pools | undefined
  /** The stream of a query, independent of all others. */
  readonly random: (query: Example) => Random
  /** Rows that are the query itself or show its image. */
  readonly excluded: (query: Example) => ReadonlySet<number>
}

export interface PoolMethod {
  /** Inputs that must be given: embeddings of a kind, or a file. */
  readonly needs: readonly ('text' | 'image' | 'file')[]
  /** Rows of the pool of every query, in the order of `queries`. */
  readonly build: (context: PoolContext) => number[][]
}
