import type { AnswerFunction, Answer, MeasureEvent, ScoreFunction } from '../measure/types.ts'
import type { QueueMeasureEvent, QueueMeasureOptions } from '../queue/measure.ts'
import type { PolicyProposer } from '../proposals/types.ts'
import type { Shard } from '../shard.ts'
import type { Example } from '../types.ts'
import type { AnsweringModel, DatasetFacts, EmbeddingFacts } from './meta.ts'
import type { PlanOptions } from './plan.ts'

/** A policy that proposes, and what the journal says about it. */
export interface GenerationPolicy {
  readonly proposer: PolicyProposer
  /** Architecture, its settings, hash of the checkpoint. */
  readonly facts: Readonly<Record<string, unknown>>
}

/** What is measured: everything that does not depend on a model being open. */
export interface GenerationPlan extends Omit<PlanOptions, 'queries' | 'policy'> {
  readonly queries: readonly Example[]
  /** The examples that pools refer to. */
  readonly candidates: readonly Example[]
  readonly policy?: GenerationPolicy | undefined
  /** k of the first k demonstrations of every pointer that are measured too; 0 for none. */
  readonly prefixes?: readonly number[]
  /** Work on this part of the queries only. */
  readonly shard?: Shard | undefined
  /** End at an outcome that cannot be measured; if false, record it as an error. */
  readonly strict?: boolean
  /** Accept queries without annotations and scores of mode `fallback`. */
  readonly allowFallback?: boolean
}

/** Who answers: a function, or the workers of a queue. */
export type Answering<A extends Answer> =
  | { readonly answer: AnswerFunction<A>; readonly queue?: undefined }
  | { readonly queue: QueueMeasureOptions<A>['queue']; readonly answer?: undefined }

/** What is measured, under which rules, and how the model is called. */
export interface GenerationSettings<A extends Answer = Answer> extends GenerationPlan {
  /** What the answers depend on. */
  readonly model: AnsweringModel
  readonly score: ScoreFunction<A>
  /** For `gt_answers_norm`. */
  readonly normalizeAnswer?: (answer: string) => string
  readonly dataset: DatasetFacts
  /** What `features` are. */
  readonly embeddings?: EmbeddingFacts | undefined
  /** Version of the program that generates, for `_meta`. */
  readonly version: string
  /** What else fixes an outcome, for `_meta.generator`. */
  readonly generator?: Readonly<Record<string, unknown>>
  /** Propose more pointers for a query while its accuracies are all equal, up to so many. */
  readonly untilInformative?: number | undefined
  /** Prompts per call of the model, or per job of a queue. */
  readonly batchSize?: number
  /** Calls, or jobs, at a time. */
  readonly concurrency?: number
  /** Ends the run after the calls in flight; what they answered is kept. */
  readonly signal?: AbortSignal | undefined
  readonly onEvent?: (event: GenerationEvent) => void
}

/** A generation into a journal. */
export type GenerationOptions<A extends Answer = Answer> = GenerationSettings<A> &
  Answering<A> & {
    /** Path of the journal; one that exists is continued. */
    readonly journal: string
  }

/** `planned` comes first: how many pointers this part of the queries has. */
export type GenerationEvent =
  { readonly type: 'planned'; readonly pointers: number } | MeasureEvent | QueueMeasureEvent
