import type { OracleLevel } from '../oracle-types.ts'
import type { Gap } from '../statistics/gap.ts'
import type { Interval } from '../statistics/interval.ts'
import type { McNemar } from '../statistics/mcnemar.ts'
import type { Spread } from '../statistics/spread.ts'

/** A selector against a baseline on the questions that both answered. Accuracies and differences are in 0..1. */
export interface Comparison {
  readonly selector: string
  readonly shots: number
  readonly baseline: string
  /** What it is compared as: `best baseline`, or its own name. Missing in results of before 0.2. */
  readonly role?: string
  /** Shots of the baseline: the same, or 0 for one that is only evaluated without demonstrations. */
  readonly baselineShots: number
  /** Mean accuracy of the selector minus that of the baseline. */
  readonly delta: number
  /** Paired bootstrap, clustered by image; to the best baseline, it holds for whichever baseline is truly the best. */
  readonly ci: Interval
  /** Sign-flip permutation, clustered by image, two-sided; to the best baseline, corrected as the interval is. */
  readonly p: number
  /** Holm-adjusted over all comparisons of the summary. */
  readonly pHolm: number
  /** Exact McNemar on accuracy >= 0.5 of single questions; `onlyFirst` is the selector. Null where values are means over seeds. */
  readonly mcnemar: McNemar | null
  /** The smallest true difference that this comparison finds with 80 % power at 5 %; null where the images do not vary. */
  readonly detectable: number | null
  readonly n: number
}

/** One selector at one number of shots. */
export interface TableRow {
  readonly selector: string
  readonly shots: number
  /** Mean accuracy, 0..1, over questions (each the mean over its seeds); null when every answer failed. */
  readonly accuracy: number | null
  /** Bootstrap interval, clustered by image. */
  readonly ci: Interval | null
  /** Mean expected accuracy E with its interval, where every row has one. */
  readonly expected?: number | null
  readonly expectedCi?: Interval | null
  /** Questions with an accuracy. */
  readonly n: number
  /** Prompts that an answer takes, where it is not one: a vote of k takes k, copying an answer none. */
  readonly prompts?: number
  /** Different images among them. */
  readonly images: number
  /** Spread of the accuracy over seeds; null for a selector without seeds. */
  readonly seeds: Spread | null
  readonly comparisons: readonly Comparison[]
}

/** A gap of one selector at one number of shots. */
export interface GapRow extends Gap {
  readonly selector: string
  readonly shots: number
  /** The selector at which the gap begins. Missing in results of before 0.2, where it is `random`. */
  readonly from?: string
  /** What it begins as: `best baseline`, or its own name. */
  readonly role?: string
}

/** A difference in accuracy, -1..1. */
export interface Part {
  readonly delta: number
  /** Paired bootstrap, clustered by image. */
  readonly ci: Interval
}

/**
 * The gain of a policy over random, split: `independent` is what its choices gain when they are shuffled over the
 * queries, so what they gain for any query; `chosen` is the rest, which is owed to choosing for the query.
 */
export interface SplitRow {
  readonly selector: string
  readonly shots: number
  /** Of the shuffles: one each. */
  readonly seeds: readonly number[]
  readonly gain: Part
  readonly independent: Part
  readonly chosen: Part
}

/** Expected accuracies by selector and shots, with their paired differences. */
export type ExpectedSummary = Pick<Summary, 'table' | 'baselines' | 'detectable'>

/** What an evaluation says: accuracies, gaps and differences, each with its interval. */
export interface Summary {
  readonly table: readonly TableRow[]
  /** (x - from) / (oracle - from) wherever both ends were evaluated. */
  readonly gapClosed: readonly GapRow[]
  /** Gains over random, split, of the policies whose choices were shuffled over the queries too. */
  readonly split?: readonly SplitRow[]
  /** The same table of expected accuracies: E in the place of the accuracy. Missing where no row has one. */
  readonly expected?: ExpectedSummary
  readonly baselines: readonly string[]
  /** Questions and images seen in the rows. */
  readonly questions: number
  readonly images: number
  /** Median over the comparisons of what they can detect, 0..1; null without comparisons. */
  readonly detectable: number | null
  /** How many answers were scored by which mode; `error` are answers that failed and count nowhere. */
  readonly modes: Readonly<Record<'file' | 'fallback' | 'error', number>>
  /** How the oracle was measured. */
  readonly oracle: readonly OracleLevel[]
  readonly level: number
  readonly resamples: number
  readonly seed: number
}
