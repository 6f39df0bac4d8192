import type { RlMeta } from '@lever/rl-dataset'
import type { Answer } from '@lever/vqa-dataset'
import type { ExpectedScore, Score } from '@lever/vqa-eval'
import type { OptionNames } from '@lever/durable-files/known-options'
import type { Proposal } from '../proposals/types.ts'
import type { Shard } from '../shard.ts'
import type { Example, ExamplePrompt } from '../types.ts'
import type { PlanLine } from './plans.ts'
import type { MeasureStatistics } from './statistics.ts'

export type { Answer, ExamplePrompt } from '@lever/vqa-dataset'
export type { ExpectedScore, Score } from '@lever/vqa-eval'

/**
 * One answer per prompt, in order. A rejection ends the run; what was measured stays. `recorded`
 * resolves when all outcomes of the call are in the journal, and never when one is not.
 */
export type AnswerFunction<A extends Answer = Answer> = (
  prompts: readonly ExamplePrompt[],
  options: { signal: AbortSignal; recorded: Promise<void> },
) => Promise<readonly A[]>

/** What an answer is worth; without an accuracy where nothing was decoded and only given answers were scored. */
export type MeasuredScore = Score | ExpectedScore

/** Scores an answer; throws when it cannot be scored. */
export type ScoreFunction<A extends Answer = Answer> = (
  prediction: string,
  query: Example,
  answer: A,
) => MeasuredScore | Promise<MeasuredScore>

/** The pool of a query and the pointers to measure for it. */
export interface MeasurePlan {
  readonly poolIds: readonly number[]
  readonly proposals: readonly Proposal[]
}

/**
 * Plans of some queries, one each, in order. It must give the same plan for the same query and
 * round whenever it is asked, or a resumed run measures other pointers.
 */
export type ProposeFunction = (
  queries: readonly Example[],
  options: {
    /** 0 at first; 1, 2, ... for queries whose rewards were all equal (`untilInformative`). */
    round: number
    /** Query id -> pointers (pool positions) of the rounds before. */
    known: ReadonlyMap<number, readonly (readonly number[])[]>
  },
) => Promise<readonly MeasurePlan[]> | readonly MeasurePlan[]

/** `_meta` of measured data: what fixes an outcome. */
export type MeasureMeta = RlMeta & {
  readonly protocol: { readonly hash: string }
  /** K */
  readonly shot_num: number
}

/** Queries, proposals, the model that answers and the score, and the journal that outcomes go to. */
export interface MeasureOptions<A extends Answer = Answer> {
  /** The questions; with human answers unless `allowFallback`. */
  queries: readonly Example[]
  /** The examples that pools refer to. */
  candidates: readonly Example[]
  /** The pool and the pointers of some queries, such as `planPointers` makes. */
  propose: ProposeFunction
  /** Asks the model: one answer a prompt, in order. */
  answer: AnswerFunction<A>
  /** Scores an answer to a question, 0..1: `officialScore()` of `vqa-eval`. */
  score: ScoreFunction<A>
  /** Path of the journal; one that exists is continued. */
  journal: string
  /** `_meta` of the data; `protocol.hash` and `shot_num` are required. Another `_meta` on resume is refused. */
  meta: MeasureMeta
  /**
   * How `propose` finds its pointers, e.g. mix and group size. Written to the journal. Another plan on a
   * journal whose queries are finished adds what is new, with ranks behind those that are there.
   */
  plan?: PlanLine
  /** Also measure the first k demonstrations of every pointer, for these k in 0..K. */
  prefixes?: readonly number[]
  /** Work on this part of the queries only. */
  shard?: Shard | undefined
  /** Prompts per call of `answer`. */
  batchSize?: number
  /** Calls of `answer` at a time. */
  concurrency?: number
  /** Queries per call of `propose`; 1 keeps plans independent of their neighbours whatever the policy's arithmetic. */
  proposalBatch?: number
  /** How many images the model keeps: the order of work shares within so many. */
  imageBudget?: number
  /** Throw at an answer that cannot be scored; if false, record it as `error`. */
  strict?: boolean
  /** Accept queries without annotations and scores of mode `fallback`. */
  allowFallback?: boolean
  /** `vqa_correct` is 1 when the accuracy is larger than this. */
  correctAbove?: number
  /** Propose further rounds for a query while its accuracies (where there are none: its expected accuracies) are all equal and it has fewer than `limit` pointers. */
  untilInformative?: { limit: number } | undefined
  /** Share of the outcomes in the journal to measure again, to count disagreements. */
  recheck?: number
  /** For `gt_answers_norm`. */
  normalizeAnswer?: (answer: string) => string
  /** Lines of the journal between two fsyncs. */
  syncEvery?: number
  /** Ends the run after the calls in flight; what they answered is kept. */
  signal?: AbortSignal | undefined
  /** At least so long between two progress events, milliseconds. */
  progressEvery?: number
  /** Monotonic clock, milliseconds. */
  now?: () => number
}

export const MEASURE_OPTIONS: OptionNames<MeasureOptions> = {
  queries: true,
  candidates: true,
  propose: true,
  answer: true,
  score: true,
  journal: true,
  meta: true,
  plan: true,
  prefixes: true,
  shard: true,
  batchSize: true,
  concurrency: true,
  proposalBatch: true,
  imageBudget: true,
  strict: true,
  allowFallback: true,
  correctAbove: true,
  untilInformative: true,
  recheck: true,
  normalizeAnswer: true,
  syncEvery: true,
  signal: true,
  progressEvery: true,
  now: true,
}

/** Measuring begins: what the journal held. */
export interface StartEvent {
  type: 'start'
  queries: number
  /** Outcomes that were in the journal. */
  resumed: number
  /** Bytes of a torn last line that were cut off. */
  tornBytes: number
  /** Plans in the journal, this run's included. */
  plans: number
}

/** How much is measured. */
export interface ProgressEvent {
  type: 'progress'
  queries: number
  queriesDone: number
  /** Outcomes in the journal. */
  outcomes: number
  /** Outcomes measured in this run. */
  measured: number
  /** Pointers of this run's plan that were in the journal, as far as it was read against the plan. */
  known: number
  positives: number
  errors: number
  /** Outcomes that a server or device failed to give; a later run measures them. */
  pending: number
  disagreements: number
  outcomesPerSecond: number
  /** Share of the demonstrations asked that stand behind the same ones in the prompt before; null until something was asked. */
  prefixHitRate: number | null
  /** null until something was measured. */
  secondsLeft: number | null
}

/** A repeated measurement that differs from the one in the journal, which stays. */
export interface DisagreementEvent {
  type: 'disagreement'
  queryId: number
  pointer: readonly number[]
  before: string
  now: string
}

/** All is measured. */
export interface DoneEvent {
  type: 'done'
  statistics: MeasureStatistics
}

/** What happens while pointers are measured, in order. */
export type MeasureEvent = StartEvent | ProgressEvent | DisagreementEvent | DoneEvent
