/** Columns of the embeddings, from and to (not included): those of the image, of the text, or all. */
export type Columns = readonly [from: number, to: number]

/**
 * A simple way to choose that needs no training of a network:
 * - `rices-*`: the K candidates most similar to the query, the most similar last (Yang et al. 2022).
 * - `mmr`: maximal marginal relevance, lambda cos(q, c) - (1 - lambda) max cos(c, chosen) with lambda 0.5, the first choice
 *   last (Carbonell and Goldstein 1998).
 * - `static`: the candidates with the largest mean gain over all queries, the largest last.
 * - `random`: any candidates, always the same for a query.
 */
export interface Baseline {
  readonly name: string
  readonly kind: 'similarity' | 'mmr' | 'static' | 'random'
  /** Of `similarity` and `mmr`. */
  readonly columns?: Columns
  /** Of `static`: id of a candidate -> what it gains, in rewards. */
  readonly effects?: Readonly<Record<string, number>>
}

/**
 * What a checkpoint chooses by in place of its policy alone, because it did better on validation: a baseline, or the
 * policy with the scores of a baseline added, `logits + weight x z`, z the scores standardised over the pool.
 */
export interface Floor {
  readonly baseline: Baseline
  /** Of a mixture; absent: the baseline alone. */
  readonly weight?: number
}

/** A query and its pool as rows of embeddings, with the ids of the candidates. */
export interface FloorQuery {
  /** [D] */
  readonly query: Float32Array
  /** [N] rows [D] */
  readonly pool: readonly Float32Array[]
  /** [N] */
  readonly ids: readonly number[]
  readonly queryId: number
}

/** What a training compared at its end on measured pointers of validation queries, and what won. */
export interface Selection {
  /** `policy` the trained one, `start` the one that training began with, a baseline, or a mixture. */
  readonly by: 'policy' | 'start' | 'baseline' | 'mixture'
  /** What won, in words: `rices-both`, `listwise, epoch 12`. */
  readonly name: string
  /** What it was measured by: the mean over queries of this, of the pointers that stand highest. */
  readonly measure: 'expected accuracy' | 'accuracy' | 'reward'
  /** Everything compared on measured pointers, the simplest first. */
  readonly compared: readonly Compared[]
  /** The finalists by what they really chose on so many queries, where that was measured: then this decided. `prompts` were asked for it. */
  readonly greedy?: {
    readonly queries: number
    readonly prompts: number
    readonly compared: readonly Compared[]
  }
}

/** One way to choose in a comparison. */
export interface Compared {
  readonly name: string
  readonly by: Selection['by']
  /** Measure on its queries, and how many these are. */
  readonly value: number
  readonly queries: number
  /** Paired difference to what won and its standard error, on the queries of both; absent for what won. */
  readonly minusWinner?: { readonly difference: number; readonly error: number; readonly queries: number }
}
