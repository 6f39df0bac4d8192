import type { OptionNames } from '@lever/durable-files/known-options'
import { ASK_OPTIONS, type AskOptions, type AskStats } from './ask.ts'
import type { Pools } from './evaluate.ts'
import type { Measured } from './selectors/types.ts'
import type { EvaluationRow, Example, ScoreFunction } from './types.ts'

/** Queries, pools and budget of the search for the oracle. */
export interface OracleOptions extends Omit<AskOptions, 'onProgress'> {
  /** The questions, with their human answers. */
  readonly queries: readonly Example[]
  /** What sequences are made of; RangeError where a query has none. */
  readonly pools: Pools
  /** Where `known` choices come from that are not in the pool of their query, and single demonstrations to measure. */
  readonly library?: readonly Example[]
  /**
   * Single demonstrations of `library` outside the pools, all queries together, up to which they are all measured at 1
   * shot: the oracle is over the library then. Default 0: the pools alone.
   */
  readonly librarySingles?: number
  /** Largest number of shots. Default 4. */
  readonly shots?: number
  /** Scores an answer to a question, 0..1: `officialScore()` of `vqa-eval`. */
  readonly score: ScoreFunction
  /**
   * Rows of other selectors: what they measured counts, so that no selector can be above the oracle. Answers of several
   * prompts or of none measured no sequence.
   */
  readonly known?: readonly EvaluationRow[]
  /** How many of the best shorter sequences are extended. Default 4. */
  readonly top?: number
  /** Further sequences measured per query at 2 shots, and a third of it at each larger number. Default 48. */
  readonly budget?: number
  /**
   * When a query needs no more: `best`, once it reaches the accuracy of its best human answer, so the maximum of
   * everything is known; `worst`, once an answer scores 0, so the minimum is; `never`, to measure all. Default `best`.
   */
  readonly stopAt?: 'best' | 'worst' | 'never'
  /** Default `oracle`. */
  readonly name?: string
  /** Called while sequences are measured. */
  readonly onProgress?: (progress: OracleProgress) => void
}

export const ORACLE_OPTIONS: OptionNames<OracleOptions> = {
  ...ASK_OPTIONS,
  librarySingles: true,
  queries: true,
  pools: true,
  library: true,
  shots: true,
  score: true,
  known: true,
  top: true,
  budget: true,
  stopAt: true,
  name: true,
}

/** How far the search for the oracle is. */
export interface OracleProgress {
  readonly shots: number
  /** Sequences measured so far, at all numbers of shots. */
  readonly done: number
  /** Sequences that will be measured, as far as one can tell: at first all, fewer as queries turn out to need no more. */
  readonly total: number
}

/** How the oracle was measured at one number of shots. */
export interface OracleLevel {
  readonly shots: number
  /**
   * `exhaustive`: every ordered sequence of its `scope`, except that a query at the accuracy of its best human answer
   * needs no more. `maximum reached`: not every sequence, but every query is at that accuracy, so nothing is higher.
   * `best known`: the best of those measured; the true oracle may be higher.
   */
  readonly how: 'exhaustive' | 'maximum reached' | 'best known'
  /** What demonstrations were taken from; `pools` where it does not say. Choices of other selectors count wherever they come from. */
  readonly scope?: 'pools' | 'library'
  /** Sequences measured, all queries together. */
  readonly measured: number
  /** Queries at the accuracy of their best human answer. */
  readonly atBest: number
}

/** The best pointers that a search found, and all that it measured. */
export interface Oracle {
  /** One row per query and number of shots, from 1. */
  readonly rows: readonly EvaluationRow[]
  readonly levels: readonly OracleLevel[]
  readonly measured: Measured
  readonly prompts: AskStats
}
