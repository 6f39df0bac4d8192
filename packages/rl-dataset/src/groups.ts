/** The pointers measured for one query, ready for training. N pool, G pointers, K shots. */
export interface Group {
  readonly queryId: number
  readonly imageId: number | string | null
  /** Row of the query in the embeddings. */
  readonly queryRow: number
  /** [N] ids of the pool. */
  readonly poolIds: readonly number[]
  /** [N] rows of the pool in the embeddings. */
  readonly poolRows: Int32Array
  /** [G*K] positions in the pool, pointer after pointer. */
  readonly pointers: Int32Array
  /** G */
  readonly size: number
  /** K */
  readonly shots: number
  /** [G] normalised; exact zeros when all raw rewards are equal. */
  readonly rewards: Float64Array
  /** [G] */
  readonly rawRewards: Float64Array
  /** [G], or null unless every pointer has a `logprob_score`. */
  readonly logProbs: Float64Array | null
  /** [G] `gen_method`, or `unknown`. */
  readonly methods: readonly string[]
}

/** What of an embedding file the pointer map needs: row i holds the example `ids[i]`. */
export interface EmbeddingIndex {
  readonly ids: ArrayLike<bigint | number>
  readonly rows: number
  readonly dim: number
}
