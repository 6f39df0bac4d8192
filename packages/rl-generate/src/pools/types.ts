import type { Random } from '@lever/reward-utils'
import type { EmbeddingKind, EmbeddingPair, EmbeddingPairs } from '@lever/tensor-files'
import type { Example } from '../types.ts'

/** What pools are searched by: embeddings of a kind, or vectors that a policy has learned. */
export type PoolSearch = EmbeddingKind | 'learned'

/** Vectors by which a policy ranks a library, `searchVectors` of `pointer-model`. */
export interface LearnedVectors extends EmbeddingPair {
  /** SHA-256 of the checkpoint. */
  readonly policy: string
}

/** Vectors of queries and candidates, by what pools are searched by. */
export interface PoolFeatures extends EmbeddingPairs {
  readonly learned?: LearnedVectors | undefined
}

/** Which solved examples a query may be shown. */
export interface Pools {
  /** The method that made them, a name of `POOL_METHODS`. */
  readonly method: string
  /** N */
  readonly size: number
  readonly seed: number | string
  /** SHA-256 of the checkpoint that searched, for method `learned`. */
  readonly policy?: string | undefined
  /** Query id -> [N] distinct ids of examples. A pool is a set: built ones are ascending. */
  readonly byQuery: ReadonlyMap<number, readonly number[]>
  /** What they were made for and from; absent in files of the original. */
  readonly source?: PoolSource
}

/** The data that pools belong to. */
export interface PoolSource {
  readonly queries: PoolDataset
  readonly candidates: PoolDataset
  /** Absent where the method needs none. */
  readonly embeddings?: { readonly queries: PoolEmbeddings; readonly candidates: PoolEmbeddings }
}

/** The dataset that pools are of. */
export interface PoolDataset {
  readonly name: string
  readonly split: string
  /** Hash of the dataset. */
  readonly hash: string
}

/** The embeddings that pools were made by. */
export interface PoolEmbeddings {
  readonly model: string
  readonly kind: string
  /** Hash of the file. */
  readonly hash: string
}

/** What a pool method is given. Rows are positions in `candidates`. */
export interface PoolContext {
  readonly queries: readonly Example[]
  readonly candidates: readonly Example[]
  /** 0, 1, 2, ...: the rows of all candidates. */
  readonly rows: readonly number[]
  /** N */
  readonly size: number
  /** Where `both` is missing, it is made of `image` and `text`. */
  readonly features: PoolFeatures
  readonly file: Pools | undefined
  /** The stream of a query, independent of all others. */
  readonly random: (query: Example) => Random
  /** The most similar allowed rows of every query, most similar first, where they are searched by other means than `features`. */
  readonly similar?: (by: PoolSearch, k: number) => Rows | Promise<Rows>
  /** Rows that are the query itself or show its image. */
  readonly excluded: (query: Example) => ReadonlySet<number>
}

type Rows = readonly (readonly number[])[]

/** A way to choose the pool of a query. One file and one line in a table make one. */
export interface PoolMethod {
  /** Inputs that must be given: embeddings of a kind (`both`: or of `text` and `image`), vectors of a policy, or a file. */
  readonly needs: readonly (PoolSearch | 'file')[]
  /** Takes all there are: N differs between queries, and `size` is not asked for. */
  readonly takesAll?: boolean
  /** Rows of the pool of every query, in the order of `queries`. */
  readonly build: (context: PoolContext) => Rows | Promise<Rows>
}

/** How pools were made, as `_meta.pool` of RL data and checkpoints say it. */
export function poolRecord({ method, size, seed, policy }: Omit<Pools, 'byQuery'>): {
  method: string
  size: number
  seed: number | string
  policy?: string
} {
  return { method, size, seed, ...(policy !== undefined && { policy }) }
}
