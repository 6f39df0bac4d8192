import type { OutcomeLine } from './outcome-line.ts'

export interface CountShare {
  readonly count: number
  /** Of all outcomes; 0 when there are none. */
  readonly share: number
}

export interface MethodStatistics {
  readonly method: string
  readonly outcomes: number
  readonly positives: number
  /** Mean accuracy of the scored outcomes; null when none is. */
  readonly accuracy: number | null
}

/** What a journal holds, and what this run added. */
export interface MeasureStatistics {
  readonly queries: number
  readonly outcomes: number
  /** Outcomes with `vqa_correct` = 1. */
  readonly positives: number
  /** Queries with at least one of them. */
  readonly positiveQueries: number
  readonly file: CountShare
  readonly fallback: CountShare
  /** Outcomes that failed for good. */
  readonly error: CountShare
  /** Why the first of them failed. */
  readonly firstError: string | null
  /** Outcomes that a server or device failed to give, not counted above; a later run measures them. */
  readonly pending: number
  readonly methods: readonly MethodStatistics[]
  /** Queries whose scored outcomes all have one accuracy (or that have fewer than two): they teach nothing. */
  readonly zeroVariance: CountShare
  readonly resumed: number
  readonly measured: number
  /** Prompts answered in this run, prefixes and repetitions included. */
  readonly prompts: number
  /** Outcomes measured again, and how many of them disagreed with the journal. */
  readonly repeated: number
  readonly disagreements: number
  readonly tornBytes: number
  readonly seconds: number
  /** Only with `untilInformative`. */
  readonly adaptive?: AdaptiveStatistics
}

/** What the further rounds bought. */
export interface AdaptiveStatistics {
  /** Queries whose first round had equal accuracies. */
  readonly flat: number
  /** How many of them have different ones now. */
  readonly rescued: number
  /** Pointers that were proposed for it. */
  readonly pointers: number
}

interface QueryTally {
  outcomes: number
  lastRank: number
  scored: number
  low: number
  high: number
  positive: boolean
}

interface MethodTally {
  outcomes: number
  positives: number
  scored: number
  sum: number
}

/** Running counts over outcome lines. */
export interface Tally {
  outcomes: number
  positives: number
  file: number
  fallback: number
  error: number
  firstError: string | null
  readonly queries: Map<number, QueryTally>
  readonly methods: Map<string, MethodTally>
}

export function emptyTally(): Tally {
  return {
    outcomes: 0,
    positives: 0,
    file: 0,
    fallback: 0,
    error: 0,
    firstError: null,
    queries: new Map(),
    methods: new Map(),
  }
}

/** Adds a line to the counts. */
export function countLine(tally: Tally, line: OutcomeLine): void {
  const positive = line.vqa_correct === 1
  const scored = typeof line.vqa_acc_score === 'number' && line.eval_failed !== true
  tally.outcomes += 1
  if (positive) tally.positives += 1
  tally[line.vqa_eval_mode ?? 'error'] += 1
  tally.firstError ??= line.eval_error ?? null
  const query = entry(tally.queries, line.query_id, () => ({
    outcomes: 0,
    lastRank: -1,
    scored: 0,
    low: Infinity,
    high: -Infinity,
    positive: false,
  }))
  const method = entry(tally.methods, line.gen_method ?? 'unknown', () => ({
    outcomes: 0,
    positives: 0,
    scored: 0,
    sum: 0,
  }))
  query.outcomes += 1
  query.lastRank = Math.max(query.lastRank, line.rank ?? -1)
  query.positive ||= positive
  method.outcomes += 1
  if (positive) method.positives += 1
  if (!scored) return
  query.scored += 1
  query.low = Math.min(query.low, line.vqa_acc_score)
  query.high = Math.max(query.high, line.vqa_acc_score)
  method.scored += 1
  method.sum += line.vqa_acc_score
}

type RunCounts = Pick<
  MeasureStatistics,
  | 'pending'
  | 'resumed'
  | 'measured'
  | 'prompts'
  | 'repeated'
  | 'disagreements'
  | 'tornBytes'
  | 'seconds'
  | 'adaptive'
>

/** The counts as statistics. Methods are in alphabetical order. */
export function statisticsOf(tally: Tally, run: RunCounts): MeasureStatistics {
  const of = (count: number, total: number): CountShare => ({ count, share: total === 0 ? 0 : count / total })
  const queries = [...tally.queries.values()]
  const flat = queries.filter(({ scored, low, high }) => scored < 2 || low === high).length
  return {
    queries: queries.length,
    outcomes: tally.outcomes,
    positives: tally.positives,
    positiveQueries: queries.filter(({ positive }) => positive).length,
    file: of(tally.file, tally.outcomes),
    fallback: of(tally.fallback, tally.outcomes),
    error: of(tally.error, tally.outcomes),
    firstError: tally.firstError,
    methods: [...tally.methods]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([method, { outcomes, positives, scored, sum }]) => ({
        method,
        outcomes,
        positives,
        accuracy: scored === 0 ? null : sum / scored,
      })),
    zeroVariance: of(flat, queries.length),
    ...run,
  }
}

function entry<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const found = map.get(key)
  if (found !== undefined) return found
  const made = make()
  map.set(key, made)
  return made
}
