import type { OptionNames } from '@lever/durable-files/known-options'
import type { MeasureMeta, ExamplePrompt } from '../measure/types.ts'
import type { Shard } from '../shard.ts'
import type { Example } from '../types.ts'

/** How probable the model finds the ground truth: natural logarithm, summed over `tokens` tokens. */
export interface GroundTruthScore {
  readonly logProb: number
  readonly tokens: number
}

/** A prompt that could not be scored, e.g. for an unreadable image. */
export interface GroundTruthFailure {
  readonly error: string
}

/**
 * The score of `query.answer` after each prompt, in order. The score of a prompt may depend on the
 * other prompts of the call in the last digits: a call holds all prompts of one anchor and length.
 */
export type ScoreGroundTruth = (
  prompts: readonly ExamplePrompt[],
  options: { signal: AbortSignal },
) => Promise<readonly (GroundTruthScore | GroundTruthFailure)[]>

/** Where the next demonstration goes: after those chosen before, next to the query, or before them. */
export type ConstructOrder = 'after' | 'before'

/** Anchors, pools and scores of which beams grow. */
export interface BeamOptions {
  /** The anchors. */
  queries: readonly Example[]
  /** The examples that pools refer to. */
  candidates: readonly Example[]
  /** Query id -> [N] ids of its pool. */
  pools: ReadonlyMap<number, readonly number[]>
  /** The log-probability of the true answer behind a prompt: `scoreGroundTruthWith` of `vqa-model` makes one. */
  scoreGroundTruth: ScoreGroundTruth
  /** InfoScore: what `after` gains over `before`. Higher is better. */
  infoScore: (after: GroundTruthScore, before: GroundTruthScore) => number
  /** Path of the journal; one that exists is continued. */
  journal: string
  /** `protocol.hash` and `shot_num` (K) are required. Another `_meta` on resume is refused. */
  meta: MeasureMeta
  /** Sequences kept at every length. */
  width?: number
  /** Where the next demonstration goes. Default `after`: next to the query. */
  order?: ConstructOrder
  /** Work on this part of the queries only. */
  shard?: Shard | undefined
  /** Throw at a prompt that cannot be scored; if false, leave its sequence out. */
  strict?: boolean
  /** Anchors at a time. */
  concurrency?: number
  /** Lines of the journal between two fsyncs. */
  syncEvery?: number
  /** Ends the run; what was written stays. */
  signal?: AbortSignal | undefined
  /** Monotonic clock, milliseconds. */
  now?: () => number
}

export const BEAM_OPTIONS: OptionNames<BeamOptions> = {
  queries: true,
  candidates: true,
  pools: true,
  scoreGroundTruth: true,
  infoScore: true,
  journal: true,
  meta: true,
  width: true,
  order: true,
  shard: true,
  strict: true,
  concurrency: true,
  syncEvery: true,
  signal: true,
  now: true,
}

/** A sequence of demonstrations of one anchor. */
export interface Beam {
  /** [K] ids in prompt order. */
  readonly ids: readonly number[]
  /** InfoScore of the whole sequence: over no demonstrations. */
  readonly score: number
  /** The demonstrations in the order in which they were chosen, with what each added. */
  readonly steps: readonly { readonly id: number; readonly score: number }[]
}

/** The beams of one anchor, the best first. */
export interface AnchorBeams {
  readonly query: Example
  /** [N] without examples that show the anchor's image. */
  readonly poolIds: readonly number[]
  readonly beams: readonly Beam[]
}

/** Counts of a finished growing of beams. */
export interface BeamStatistics {
  readonly anchors: number
  /** Scores in the journal, those that were there before included. */
  readonly scores: number
  readonly resumed: number
  /** Prompts asked in this run. */
  readonly prompts: number
  /** Prompts that could not be scored. */
  readonly failed: number
  /** Anchors without beams, because none of their sequences could be scored. */
  readonly unscored: number
  /** Candidates of pools that were left out because they show the anchor's image. */
  readonly sameImage: number
  readonly tornBytes: number
  readonly seconds: number
}

/** What happens while beams grow, in order. */
export type BeamEvent =
  | { readonly type: 'start'; readonly anchors: number; readonly resumed: number; readonly tornBytes: number }
  | {
      readonly type: 'progress'
      readonly anchors: number
      readonly anchorsDone: number
      readonly prompts: number
    }
  | { readonly type: 'done'; readonly beams: readonly AnchorBeams[]; readonly statistics: BeamStatistics }
