import type { Random } from '@lever/reward-utils'
import type { EmbeddingKind } from '@lever/tensor-files'
import type { OptionNames } from '@lever/durable-files/known-options'
import type { Example } from '../types.ts'

/** Rows of one kind of embedding, [D] each; they need not be normalised, similarity is the cosine. */
export interface EmbeddingRows {
  readonly query: Float32Array
  /** The row of `pool[position]`. */
  candidate(position: number): Float32Array
}

/** Everything a selector may look at. It never sees the answers of the query. */
export interface SelectionContext {
  readonly query: Example
  /** N solved examples: the query's pool, or the whole library. The query itself may be among them and is never selected. */
  readonly pool: readonly Example[]
  /** Ids of `pool` that may not be selected either, such as other questions about the query's image. */
  readonly excluded?: ReadonlySet<number>
  /**
   * Positions of the examples of `pool` with the largest cosine that may be selected, most similar first, where they
   * were searched for all queries at once: at most so many as were searched.
   */
  readonly nearest?: (kind: EmbeddingKind) => ArrayLike<number> | undefined
  readonly embeddings: Readonly<Partial<Record<EmbeddingKind, EmbeddingRows>>>
  /** A stream of its own for every (seed, selector, query). */
  readonly random: Random
  /** A stream for every (seed, selector), the same for all queries, where they choose from one library. */
  readonly shared?: () => Random
}

/** Chosen ids in prompt order, at once or later. */
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
  /** Where it chooses: in the pool of the query (the default), or in the whole library, as people do without a policy. */
  readonly scope?: 'pool' | 'library'
  /** Examples that it chooses from in place of the pool of the query. */
  readonly pool?: readonly Example[]
  /** k distinct ids of `context.pool` (at most k where it `stops`) in prompt order, the last next to the query, without the query itself. */
  select(context: SelectionContext, k: number): Selection
  /** The same for many queries at once, for policies that run in batches. */
  selectMany?(contexts: readonly SelectionContext[], k: number): Promise<readonly (readonly number[])[]>
  /**
   * Every demonstration is shown alone, in a prompt of its own, and the answers vote: k prompts for one answer.
   * Answers that the official metric treats as equal are one; ties go to the one whose demonstration stands first.
   */
  readonly votes?: true
  /** What it would choose from the pool of each context for another query. Policies have it. */
  chooseFor?(
    contexts: readonly SelectionContext[],
    queries: readonly Example[],
    k: number,
  ): Promise<readonly (readonly number[])[]>
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

/** What `static` chooses by: sets in prompt order, or the main effect of every example by its id. */
export type StaticChoice = readonly (readonly Example[])[] | ReadonlyMap<number, number>

/** What selectors may be made of; each entry of the table says which of these it takes and requires. */
export interface SelectorOptions {
  /** The name in tables and rows. Default that of the table. */
  readonly name?: string
  /** Where the best choice stands. Default `best-last`. */
  readonly order?: Order
  /** Of `mmices`: how many examples pass the filter by image (at least k do). Default 16. */
  readonly keep?: number
  /** Of `mmr`: 1 is similarity alone, 0 diversity alone. Default 0.5. */
  readonly lambda?: number
  /** Of `pointer` and `agreement`: the choice of a policy, k ids in prompt order. */
  readonly select?: (context: SelectionContext, k: number) => Selection
  /** The same for many queries at once, used in place of `select`. */
  readonly selectMany?: (
    contexts: readonly SelectionContext[],
    k: number,
  ) => Promise<readonly (readonly number[])[]>
  /** The selector that `pool`, `reversed`, `shuffled` and `vote` are made of. */
  readonly of?: Selector
  /** The measured pointers that `oracle` and `worst` choose among. */
  readonly measured?: Measured
  /** What `static` chooses by. */
  readonly sets?: StaticChoice
}

/** Options of a selector that has no other. */
export interface NameOptions {
  /** The name in tables and rows; default that of the table of selectors. */
  readonly name?: string
}

export const NAME_OPTIONS: OptionNames<NameOptions> = { name: true }

/** An entry of the table of selectors. `Takes` are the options that it is made of, besides `name`. */
export interface SelectorDefinition<Takes extends keyof SelectorOptions = keyof SelectorOptions> {
  /** Place in tables: smaller ones come first. */
  readonly order: number
  /** One line for help texts and reports. */
  readonly summary: string
  /** Options that it is made of, besides `name`; any other has no effect. */
  readonly takes: readonly Takes[]
  /** Options without which it cannot be made. */
  readonly requires: readonly ('select' | 'of' | 'measured' | 'sets')[]
  /** Where it chooses; default the pool. */
  readonly scope?: 'library'
  /** Is it a simple alternative that a policy must beat? */
  readonly baseline?: boolean
  /** Makes it, of options that it takes. */
  readonly create: (options: Pick<SelectorOptions, 'name' | Takes>) => Selector
}
