import type { GenerationEvent, GenerationPolicy, GenerationSettings } from '../generate/types.ts'
import type { Answer, AnswerFunction } from '../measure/types.ts'

/** A policy that is open. */
export interface OpenedPolicy extends GenerationPolicy {
  close(): Promise<void>
}

/** What is to be trained in a round. */
export interface TrainingRound {
  /** 1, 2, ... */
  readonly round: number
  /** It is delivered; the others only propose. */
  readonly last: boolean
  /** Everything measured so far, as canonical JSON. */
  readonly rlData: string
  /** Run directory of the training, where it continues if it was interrupted. */
  readonly out: string
}

/** What a training of a round ended with. */
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
  readonly answer: AnswerFunction<A>
  /** Run directory: made, or continued. */
  readonly out: string
  /** Name -> hash of everything that was read, for the manifest. */
  readonly inputs: Readonly<Record<string, string>>
  /** How often is measured and trained. A finished run is continued with more. */
  readonly rounds: number
  /** Share of the pointers of a round, 0..1, that are drawn from the mix; the others are the policy's best. In round 1 all are. */
  readonly explore: number
  /** What `train` does, for the manifest: with another the run is another. */
  readonly training: unknown
  /** The policy whose pointers are part of the mix in round 1. */
  readonly policy?: GenerationPolicy | undefined
  /** Trains on all that was measured; called again after an interruption, it continues. */
  readonly train: (round: TrainingRound) => Promise<TrainedRound>
  /** Opens the policy of a checkpoint, which proposes in the next round. */
  readonly openPolicy: (checkpoint: string) => Promise<OpenedPolicy>
  readonly onEvent?: (event: ImproveEvent) => void
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
  /** Mean accuracy, or expected accuracy where nothing was decoded, of the round's pointers that the policy proposed (null in round 1) and of the others. */
  readonly proposed: number | null
  readonly explored: number | null
  /** What the checkpoint of the round chooses by. */
  readonly chosen: string
}

/** A finished run. */
export interface Improved {
  readonly out: string
  readonly journal: string
  readonly rlData: string
  /** The checkpoint of the last round. */
  readonly checkpoint: string
  readonly rounds: readonly RoundRecord[]
}
