import type { OptionNames } from '@lever/durable-files/known-options'
import { META_OPTIONS } from '../generate/meta.ts'
import type { GenerationEvent, GenerationPolicy, GenerationSettings } from '../generate/types.ts'
import type { Answer, AnswerFunction } from '../measure/types.ts'

/** A policy that is open. */
export interface OpenedPolicy extends GenerationPolicy {
  /** Frees what the policy holds. */
  close(): Promise<void>
}

/** What is to be trained after a round. */
export interface TrainingRound {
  /** 1, 2, ... */
  readonly round: number
  /** 0 .. members - 1: a policy of the ensemble, which only proposes; null: the policy that is delivered. */
  readonly member: number | null
  /** What it is trained on, as canonical JSON: everything measured so far, or the member's resample of it. */
  readonly rlData: string
  /** Run directory of the training, where it continues if it was interrupted. */
  readonly out: string
  /**
   * Asks the model what pointers are worth, for a policy that is delivered; what was asked before, in an interrupted call too,
   * is not asked again.
   */
  readonly measure: (given: readonly GivenPointer[]) => Promise<MeasuredPointer[]>
}

/** Demonstrations for a query by their ids, in prompt order. */
export interface GivenPointer {
  readonly queryId: number
  readonly pointer: readonly number[]
}

/** What was measured of a pointer, 0..1. */
export interface MeasuredPointer {
  readonly accuracy: number | undefined
  readonly expected: number | undefined
}

/** What a training ended with. */
export interface TrainedRound {
  readonly checkpoint: string
  /** What the checkpoint chooses by, in words. */
  readonly chosen: string
}

/** What rounds of measuring and training take. */
export interface ImproveOptions<A extends Answer = Answer> extends Omit<
  GenerationSettings<A>,
  'policy' | 'prefixes' | 'shard' | 'untilInformative' | 'onEvent'
> {
  /** Asks the model: one answer a prompt, in order. */
  readonly answer: AnswerFunction<A>
  /** Run directory: made, or continued. */
  readonly out: string
  /** Name -> hash of everything that was read, for the manifest. */
  readonly inputs: Readonly<Record<string, string>>
  /** How often is measured and trained. A finished run is continued with more. */
  readonly rounds: number
  /** Policies in the ensemble that proposes from round 2 on. Default 4. */
  readonly members?: number
  /** What `train` does, for the manifest: with another the run is another. */
  readonly training: unknown
  /** The policy whose pointers are part of the mix in round 1. */
  readonly policy?: GenerationPolicy | undefined
  /** Trains; called again after an interruption, it continues. The members of a round are trained at the same time. */
  readonly train: (round: TrainingRound) => Promise<TrainedRound>
  /** Opens a member of the ensemble. */
  readonly openPolicy: (checkpoint: string) => Promise<OpenedPolicy>
  /** Called when a round begins, for what was done before, and while it is measured. */
  readonly onEvent?: (event: ImproveEvent) => void
}

export const IMPROVE_OPTIONS: OptionNames<ImproveOptions> = {
  ...META_OPTIONS,
  ...{ mix: true, shots: true, size: true, queries: true, candidates: true, features: true, file: true },
  ...{ score: true, normalizeAnswer: true, answer: true, batchSize: true, concurrency: true, signal: true },
  ...{ out: true, inputs: true, rounds: true, members: true, training: true, policy: true, train: true },
  ...{ openPolicy: true, onEvent: true, allowFallback: true, embeddings: true },
}

/** `round` says what a round begins with or, done before, is. */
export type ImproveEvent =
  | { readonly type: 'round'; readonly round: number; readonly rounds: number }
  | { readonly type: 'known'; readonly round: number; readonly what: 'measured' | 'trained' }
  | GenerationEvent

/** What a round added. */
export interface RoundRecord {
  readonly round: number
  /** Outcomes of all rounds so far. */
  readonly outcomes: number
  /** Mean accuracy, or expected accuracy where nothing was decoded, of the pointers of the round. */
  readonly reward: number | null
}

/** A finished run. */
export interface Improved {
  readonly out: string
  readonly journal: string
  readonly rlData: string
  /** The checkpoint trained on everything, and what it chooses by. */
  readonly checkpoint: string
  readonly chosen: string
  /** Outcomes that the last training asked for by `measure`, besides those of the rounds. */
  readonly validated: number
  readonly rounds: readonly RoundRecord[]
}
