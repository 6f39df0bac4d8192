import type { OutcomeLine } from './outcome-line.ts'

/** A count and its share. */
export interface CountShare {
  readonly count: number
  /** Of all outcomes; 0 when there are none. */
  readonly share: number
}

/** Outcomes of one proposal method. */
export interface MethodStatistics {
  readonly method: string
  readonly outcomes: number
  readonly positives: number
  /** Mean accuracy of the scored outcomes; null when none is. */
  readonly accuracy: number | null
  /** Mean expected accuracy of the outcomes that have one; null when none has. */
  readonly expected: number | null
}

/** The expected accuracies of the outcomes. */
export interface ExpectedStatistics {
  /** Outcomes that have one. */
  readonly outcomes: number
  readonly mean: number
  /** Queries whose expected accuracies are all equal, or that have fewer than two. */
  readonly zeroVariance: CountShare
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
  /** Queries whose scored outcomes all have one accuracy (or that have fewer than two): as accuracies they teach nothing. */
  readonly zeroVariance: CountShare
  /** Only where expected accuracies were measured. */
  readonly expected?: ExpectedStatistics
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

/** Number, sum and ends of some values. */
interface Values {
  count: number
  sum: number
  low: number
  high: number
}

interface QueryTally {
  outcomes: number
  lastRank: number
  accuracy: Values
  expected: Values
  positive: boolean
}

interface MethodTally {
  outcomes: number
  positives: number
  accuracy: Values
  expected: Values
}

const noValues = (): Values => ({ count: 0, sum: 0, low: Infinity, high: -Infinity })

function addValue(values: Values, value: number): void {
  values.count += 1
  values.sum += value
  values.low = Math.min(values.low, value)
  values.high = Math.max(values.high, value)
}

const meanOf = ({ count, sum }: Values): number | null => (count === 0 ? null : sum / count)
const isFlat = ({ count, low, high }: Values): boolean => count < 2 || low === high

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
  tally.outcomes += 1
  if (positive) tally.positives += 1
  tally[line.vqa_eval_mode ?? 'error'] += 1
  tally.firstError ??= line.eval_error ?? null
  const query = entry(tally.queries, line.query_id, () => ({
    outcomes: 0,
    lastRank: -1,
    accuracy: noValues(),
    expected: noValues(),
    positive: false,
  }))
  const method = entry(tally.methods, line.gen_method ?? 'unknown', () => ({
    outcomes: 0,
    positives: 0,
    accuracy: noValues(),
    expected: noValues(),
  }))
  query.outcomes += 1
  query.lastRank = Math.max(query.lastRank, line.rank ?? -1)
  query.positive ||= positive
  method.outcomes += 1
  if (positive) method.positives += 1
  if (line.eval_failed === true) return
  for (const counts of [query, method]) {
    if (typeof line.vqa_acc_score === 'number') addValue(counts.accuracy, line.vqa_acc_score)
    if (typeof line.vqa_gt_prob === 'number') addValue(counts.expected, line.vqa_gt_prob)
  }
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
  const flat = queries.filter(({ accuracy }) => isFlat(accuracy)).length
  const outcomes = queries.reduce((sum, { expected }) => sum + expected.count, 0)
  const total = queries.reduce((sum, { expected }) => sum + expected.sum, 0)
  const flatExpected = queries.filter(({ expected }) => isFlat(expected)).length
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
      .map(([method, { outcomes, positives, accuracy, expected }]) => ({
        method,
        outcomes,
        positives,
        accuracy: meanOf(accuracy),
        expected: meanOf(expected),
      })),
    zeroVariance: of(flat, queries.length),
    ...(outcomes > 0 && {
      expected: { outcomes, mean: total / outcomes, zeroVariance: of(flatExpected, queries.length) },
    }),
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
