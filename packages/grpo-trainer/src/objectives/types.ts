import type { Tensor } from '@lever/onnx-grad'
import type { AdaptiveKl } from '@lever/reward-utils'
import type { Group } from '@lever/rl-dataset'
import type { Limits } from '../limits.ts'

/** G pointers of every query of a batch, scored by a policy under teacher forcing. */
export interface Scored {
  /** Log-probabilities over the candidates, one per step, [B, P, N] with P = G, or 1 where all pointers agree. */
  readonly logSoftmax: readonly Tensor[]
  /** Choices, one per step, one-hot [B, G, N]. */
  readonly chosen: readonly Tensor[]
  /** 1 where a candidate could not be chosen, one per step, [B, P, N]. */
  readonly blocked: readonly Tensor[]
  /** Log-probability of every choice [B, G, K], 0 where a pointer has no such step. */
  readonly logProbs: Tensor
}

/** What a loss is made of. */
export interface LossInputs {
  readonly policy: Scored
  /** Log-probabilities of the policy that is called old; absent when it is the policy itself. */
  readonly old?: Scored
  readonly reference?: Scored
  /** What `weigh` gave [B, G], 0 where padded. */
  readonly weights: Tensor
  /** 1 where a pointer takes part [B, G]. */
  readonly keep: Tensor
  /** Weight of every query [B], summing to 1; 0 where padded. */
  readonly queryWeight: Tensor
  /** 1 where a pointer has such a step [B, 1, K], or [B, G, K] where pointers may end at different steps. */
  readonly steps: Tensor
  /** Log-probability of every pointer under the policy that proposed it [B, G], 0 where padded; when `usesProposer` says so. */
  readonly proposer?: Tensor
  /** A number of `scalars`. */
  readonly scalar: (name: string) => Tensor
}

/** Where a training stands, for schedules. */
export interface Moment {
  /** Epoch of the phase, from 0. */
  readonly epoch: number
  /** Optimiser step of the phase, from 0. */
  readonly step: number
  /** Optimiser steps of the phase. */
  readonly steps: number
  /** Coefficient of the KL term. */
  readonly beta: number
  /** Typical spread of rewards, in their unit: that within a query, of the groups that are not flat. */
  readonly spread?: number
}

/** What of a group an objective reads. */
export type RewardedGroup = Pick<Group, 'size' | 'shots' | 'rewards' | 'rawRewards'>

/** Weights of the pointers of a group [G], and which take part (default all). */
export interface Weighed {
  readonly weights: Float64Array
  readonly keep?: readonly boolean[]
}

/** A set of parameters that stays fixed: of the start of the epoch, of the phase, or of the whole training. */
export type Snapshot = 'epoch' | 'phase' | 'initial'

/** A value of an option of an objective. */
export type OptionValue = number | string | boolean | null
/** Options of an objective by name, checked and complete. */
export type Options = Readonly<Record<string, OptionValue>>

/**
 * An objective: weights of pointers, made of rewards on the host in double precision, and a loss,
 * made of log-probabilities as graph nodes.
 */
export interface Objective<O = Options> {
  readonly name: string
  readonly summary: string
  /** Its place among the phases that settings add: the lower, the earlier. */
  readonly order: number
  readonly defaults: O
  /** Allowed values of options that are names. */
  readonly choices: Readonly<Partial<Record<keyof O & string, readonly OptionValue[]>>>
  /** Allowed values of options that are numbers; null is none of them. */
  readonly limits: Readonly<Partial<Record<keyof O & string, Limits>>>
  /** Whether a group whose rewards are all equal is left out, unless the phase says otherwise. */
  readonly dropFlat: boolean
  /** Weights of the groups of a batch. */
  weigh(groups: readonly RewardedGroup[], moment: Moment, options: O): Weighed[]
  /** Numbers that change from step to step; they are inputs of the graph and appear in the metrics. */
  scalars(moment: Moment, options: O): Readonly<Record<string, number>>
  /** Which fixed policies the loss compares with; `epoch` is taken anew every `epochs` epochs (default 1). */
  snapshots?(options: O): { old?: Snapshot; reference?: Snapshot; epochs?: number }
  /** Whether the loss reads `proposer`; absent: it does not. */
  usesProposer?(options: O): boolean
  /** The KL coefficient at the start and how it adapts; absent or undefined: it stays 0. */
  kl?(options: O): { state: AdaptiveKl; adapts: 'never' | 'epoch' | 'step' } | undefined
  /** Loss of a policy that knows nothing, for pools of N. */
  uniformLoss(group: RewardedGroup & { poolSize: number }, options: O): number
  /** The loss, a scalar, and metrics, scalars. */
  loss(inputs: LossInputs, options: O): { loss: Tensor; metrics: Readonly<Record<string, Tensor>> }
}
