/** Where the queries of a file lie, as the JSON and the journal reader give it. */
export interface RlIndex {
  readonly form: 'json' | 'jsonl'
  readonly meta: unknown
  readonly queryIds: number[]
  readonly tornBytes: number
  /** The value of one query; undefined when it was faulty and reported. `lines`: line of each candidate. */
  read(queryId: number): { raw: unknown; lines?: readonly number[] } | undefined
}
