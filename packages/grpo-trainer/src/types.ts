import type { CheckpointInfo, PointerModel } from '@lever/pointer-model'
import type { OptionNames } from '@lever/durable-files/known-options'
import type { TrainingData } from './data.ts'
import type { PhaseOptions } from './phases.ts'

/** A training: a model, data, phases, and where the results go. */
export interface TrainOptions {
  /** The policy that training starts from; it is not changed. */
  readonly model: PointerModel
  /** Groups of measured pointers, and the embeddings that they point into. */
  readonly data: TrainingData
  /** Objectives one after the other; a phase of 0 epochs is left out. */
  readonly phases: readonly PhaseOptions[]
  /** Seed of the order of queries and of dropout (default 0). */
  readonly seed?: number
  /**
   * Folder for `metrics.jsonl` and `checkpoints/`. A training that was interrupted there continues;
   * the result has the same bytes as without the interruption. Default: nothing is written.
   */
  readonly output?: string
  /** Hashes and the pool policy for the checkpoints. */
  readonly info?: Pick<CheckpointInfo, 'dataHash' | 'protocolHash' | 'pool' | 'labels'>
  /** What is known of the policy that the training starts from, when it was trained before. */
  readonly start?: CheckpointInfo
  /**
   * Which validation metric selects the best policy (default `reward_ranked`, see `Validator`). Of
   * equal ones of a phase the one with the lower loss is better.
   */
  readonly selectBy?: SelectBy
  /** Threads inside an operator (default 1). */
  readonly threads?: number
  /** Execution provider (default `cpu`). */
  readonly device?: 'cpu' | 'cuda' | 'webgpu'
  /** Optimiser steps in one run of the graph (default 32). It does not change the result. */
  readonly chunk?: number
  /** Save the resumable state after so many steps too, not only after every epoch (default null). */
  readonly saveEvery?: number | null
  /** Also write `tensorboard/events.out.tfevents.0.lever` in the output folder (default false). */
  readonly tensorboard?: boolean
  /** Keep a checkpoint of every epoch (default true), or only `best` and `last`. */
  readonly keepEpochs?: boolean
  /** Stops after the current chunk; the state is saved. */
  readonly signal?: AbortSignal
}

export const TRAIN_OPTIONS: OptionNames<TrainOptions> = {
  model: true,
  data: true,
  phases: true,
  seed: true,
  output: true,
  info: true,
  start: true,
  selectBy: true,
  threads: true,
  device: true,
  chunk: true,
  saveEvery: true,
  tensorboard: true,
  keepEpochs: true,
  signal: true,
}

/** Validation metrics that can select, without `eval/`; the first is the default. */
export const SELECT_BY = ['reward_ranked', 'reward', 'reward_expected', 'reward_top', 'loss'] as const

/** A name of {@link SELECT_BY}. */
export type SelectBy = (typeof SELECT_BY)[number]

/** Numbers by name, as they stand in `metrics.jsonl`. */
export type Metrics = Readonly<Record<string, number>>

/** What is known of the data before training. */
export interface Audit {
  readonly queries: number
  readonly pointers: number
  readonly validationQueries: number
  /** Share of the training groups whose rewards are all equal. */
  readonly zeroVariance: number
  /** Mean reward of the training pointers, and of the best of each query. */
  readonly reward: number
  readonly oracle: number
  /** Of every phase: groups that take part, and the loss of a policy that knows nothing. */
  readonly phases: readonly { objective: string; groups: number; steps: number; uniformLoss: number }[]
  readonly warnings: readonly string[]
}

/** What happens in a training, in order. */
export type TrainEvent =
  | { readonly type: 'audit'; readonly audit: Audit }
  | { readonly type: 'notice'; readonly message: string }
  | { readonly type: 'warning'; readonly message: string }
  | {
      readonly type: 'step'
      readonly phase: string
      /** Finished part of the phase, in epochs. */
      readonly epoch: number
      /** Finished steps of the whole training, and how many there will be. */
      readonly step: number
      readonly steps: number
      readonly metrics: Metrics
    }
  | {
      readonly type: 'validation'
      readonly phase: string
      readonly epoch: number
      readonly step: number
      readonly metrics: Metrics
      /** Is it the best so far? */
      readonly best: boolean
    }
  | { readonly type: 'saved'; readonly files: readonly string[] }

/** A policy of the training and where it comes from. */
export interface SelectedPolicy {
  readonly model: PointerModel
  readonly phase: string
  /** Finished epochs of the phase. */
  readonly epoch: number
  /** Finished steps of the phase. */
  readonly step: number
  readonly metrics: Metrics
}

/** What a training made: the best policy and the last. */
export interface TrainResult {
  readonly status: 'finished' | 'interrupted'
  /** The best policy on validation; the last one when there is no validation. */
  readonly best: SelectedPolicy
  readonly last: SelectedPolicy
}
