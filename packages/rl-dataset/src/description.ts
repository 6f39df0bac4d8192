import type { Spread } from './counting.ts'
import type { ExpectedDescription } from './expected.ts'
import type { OracleStatistics } from './oracle.ts'
import type { RewardStatistics } from './reward-statistics.ts'
import type { RlMeta } from './types.ts'

/** Counts and rates of the candidates of one `gen_method`. */
export interface MethodStatistics {
  readonly method: string
  readonly count: number
  /** Share of the scored candidates with `vqa_correct` 1; null when none is scored. */
  readonly positiveRate: number | null
  readonly meanAccuracy: number | null
  /** null where none was measured. */
  readonly meanExpected: number | null
}

/** What RL data holds, and what training can learn from it. Shares are in 0..1. */
export interface Description {
  readonly file: string | null
  readonly form: 'json' | 'jsonl' | null
  readonly bytes: number | null
  /** Number of queries of each shape; empty when the data was not read from a file. */
  readonly shapes: Readonly<Record<string, number>>
  readonly meta: RlMeta | null
  readonly queries: number
  readonly emptyQueries: number
  readonly candidates: number
  readonly candidatesPerQuery: Spread
  readonly shots: number | null
  /** Pool sizes; `given` is false where a query has none and the union of its pointers stands in. */
  readonly pool: Spread & { readonly given: number }
  readonly methods: readonly MethodStatistics[]
  readonly evalModes: readonly { readonly mode: string; readonly count: number; readonly share: number }[]
  readonly flags: {
    readonly derived: number
    readonly transferred: number
    /** Outcomes that failed for good. */
    readonly failed: number
    /** Outcomes that a server or device failed to give; running the generation again measures them. */
    readonly pending: number
  }
  readonly positiveShare: number | null
  readonly queriesWithPositive: number
  readonly accuracyBins: {
    readonly zero: number
    readonly low: number
    readonly high: number
    readonly one: number
  }
  /** Expected accuracies; null where none was measured. */
  readonly expected: ExpectedDescription | null
  /** Rewards of the candidates that training would use. */
  readonly rewards: RewardStatistics
  readonly oracle: OracleStatistics
  /** Mean over the candidates of sum_{t<K} ln(N - t): the cross-entropy of a policy that knows nothing. */
  readonly uniformPolicyLoss: number | null
  readonly duplicates: DuplicateStatistics
  readonly warnings: Readonly<Record<string, number>>
  readonly verdict: readonly string[]
}

/** How often pointers of a query are the same. */
export interface DuplicateStatistics {
  /** Candidates whose pointer stood before in the same query, in the same order. */
  readonly sameOrder: number
  /** Candidates with the same demonstrations as one before, in another order. */
  readonly sameSet: number
  /** Of `sameOrder`, those with another accuracy. */
  readonly contradicting: number
}
