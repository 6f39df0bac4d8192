import type { Random } from '@lever/reward-utils'
import type { Example } from '../types.ts'

export type EmbeddingKind = 'image' | 'text' | 'both'

/** Rows of one kind of embedding, [D] each; they need not be normalised, similarity is the cosine. */
export interface EmbeddingRows {
  readonly query: Float32Array
  /** The row of `pool[position]`. */
  candidate(position: number): Float32Array
}

/** Everything a selector may look at. It never sees the answers of the query. */
export interface SelectionContext {
  readonly query: Example
  /** N solved examples. The query itself may be among them and is never selected. */
  readonly pool: readonly Example[]
  readonly embeddings: Readonly<Partial<Record<EmbeddingKind, EmbeddingRows>>>
  /** A stream of its own for every (seed, selector, query). */
  readonly random: Random
}

export type Selection = readonly number[] | Promise<readonly number[]>

/** A way to choose demonstrations. Make one with a factory of this folder or write the object yourself. */
export interface Selector {
  /** The name in tables and rows. */
  readonly name: string
  /** `zero`: shows no demonstrations and is evaluated at 0 shots only. `many`: 1 shot and more. */
  readonly shots: 'zero' | 'many'
  /** The choice depends on `context.random`; such a selector is evaluated once per seed. */
  readonly seeded: boolean
  /** The k chosen are always among the k + 1 chosen. */
  readonly nested: boolean
  /** May choose fewer than k, also none, where it finds that more do not help. */
  readonly stops?: boolean
  /** The random stream that it draws from; default its name. A selector made of another shares the other's. */
  readonly stream?: string
  /** Embeddings that it reads. */
  readonly needs: readonly EmbeddingKind[]
  /** Examples that it chooses from in place of the pool of the query. */
  readonly pool?: readonly Example[]
  /** k distinct ids of `context.pool` (at most k where it `stops`) in prompt order, the last next to the query, without the query itself. */
  select(context: SelectionContext, k: number): Selection
  /** The same for many queries at once, for policies that run in batches. */
  selectMany?(contexts: readonly SelectionContext[], k: number): Promise<readonly (readonly number[])[]>
  /** An answer without any model call; `select` then says which examples it was taken from. */
  answer?(context: SelectionContext, k: number): string
}

/** Where the best choice of a ranked selector stands: next to the query (the default) or first in the prompt. */
export type Order = 'best-last' | 'best-first'

/** A pointer whose accuracy was measured with the model. */
export interface MeasuredPointer {
  /** Ids in prompt order. */
  readonly ids: readonly number[]
  readonly accuracy: number
}

/** Measured pointers by query id. */
export type Measured = ReadonlyMap<number, readonly MeasuredPointer[]>
