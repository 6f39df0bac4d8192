import type { OptionNames } from '@lever/durable-files/known-options'
import type { Random } from '@lever/reward-utils'

/** A query as proposal methods see it: pointers are positions 0..N-1 in `poolIds`. */
export interface ProposalQuery {
  readonly queryId: number
  /** [N] ids of examples. */
  readonly poolIds: readonly number[]
}

/** A pointer to measure, and where it came from. */
export interface Proposal {
  /** [K] distinct positions in the pool, in prompt order. */
  readonly pointer: readonly number[]
  /** Name of the method, `gen_method` of the data. */
  readonly method: string
  /** Rank among the beams, from 0. */
  readonly beamRank: number | null
  /** Temperature it was sampled at. */
  readonly temperature: number | null
  /** Score of the search that found it; for beams of the policy its probability, exp(logProb). */
  readonly beamScore: number | null
  /** Log-probability of the pointer under the policy, at temperature 1. */
  readonly logProb: number | null
}

/** A pointer as the policy gives it. */
export interface PolicyPointer {
  /** [K] positions in the pool. */
  readonly pointer: ArrayLike<number>
  /** Under the policy at temperature 1, whatever temperature it was sampled at. */
  readonly logProb: number
}

/**
 * The policy, for a batch of queries at a time. Every function returns one list per query, in
 * the order of `queries`.
 */
export interface PolicyProposer {
  /** The `width` most probable pointers that beam search finds, best first. */
  beam(
    queries: readonly ProposalQuery[],
    options: { width: number; shots: number },
  ): Promise<readonly (readonly PolicyPointer[])[]>
  /** `count` pointers drawn at `temperature`; `randoms[i]` is the stream of `queries[i]`. */
  sample(
    queries: readonly ProposalQuery[],
    options: { count: number; temperature: number; shots: number; randoms: readonly Random[] },
  ): Promise<readonly (readonly PolicyPointer[])[]>
  /** Log-probability of given pointers, so that pointers of other methods carry theirs too. */
  logProbs?(
    queries: readonly ProposalQuery[],
    pointers: readonly (readonly (readonly number[])[])[],
  ): Promise<readonly ArrayLike<number>[]>
}

/** Similarity of a query to each of its pool's examples, [N], larger is more similar. */
export type Similarity = (queryId: number, poolIds: readonly number[]) => ArrayLike<number>

/** What a proposal method is given. */
export interface ProposalContext {
  readonly queries: readonly ProposalQuery[]
  /** K */
  readonly shots: number
  /** Kinds of similarity, e.g. image, text, both; the order is the order of preference. */
  readonly similarities: Readonly<Record<string, Similarity>>
  readonly policy: PolicyProposer | undefined
  /** Query id -> pointers as ids of examples. */
  readonly file: ReadonlyMap<number, readonly (readonly number[])[]> | undefined
  /** The stream of a query for this method, independent of all others. */
  readonly random: (query: ProposalQuery) => Random
}

/** An input of `proposePointers` that a method cannot do without. */
export type ProposalNeed = 'policy' | 'similarities' | 'file'

/** A way to propose pointers. One file and one line in a table make one. */
export interface ProposalMethod<Options> {
  readonly needs: readonly ProposalNeed[]
  /** The name of every option of `propose`; another one is refused. */
  readonly optionNames: OptionNames<Options>
  /** One list per query. Pointers are distinct inside a list; lists may be shorter than asked for. */
  propose(context: ProposalContext, options: Options): Promise<Proposal[][]> | Proposal[][]
}

export interface CountOption {
  /** Pointers per query. */
  count: number
}

/** A proposal without a policy behind it. */
export function plainProposal(method: string, pointer: readonly number[]): Proposal {
  return { pointer, method, beamRank: null, temperature: null, beamScore: null, logProb: null }
}
