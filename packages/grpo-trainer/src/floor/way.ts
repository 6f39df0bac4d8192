import type { Baseline, PointerModel } from '@lever/pointer-model'
import type { Group } from '@lever/rl-dataset'
import type { SelectedPolicy } from '../types.ts'
import type { Contender } from './duel.ts'

/** A policy of the same training without some of the queries, and what it thinks of their measured pointers [G], by query. */
export interface Fold {
  readonly model: PointerModel
  readonly scores: ReadonlyMap<number, readonly number[]>
}

/** Which policy of a training: the best on validation, or the one of the last epoch. */
export type SelectedEpoch = 'best' | 'last'

/** A policy of a training that may be delivered. */
export interface TrainedPolicy extends SelectedPolicy {
  /** What it is called in the comparison, before its phase and epoch: the candidate of `auto` that it is. */
  readonly name?: string | undefined
  /**
   * The same training without a part of the queries, for every part (`crossFit`): so it is judged on all of them. Without
   * them it is judged on the validation queries.
   */
  readonly folds?: readonly Fold[] | undefined
}

/** A way to choose that can be delivered. */
export interface Way extends Contender {
  /** With a floor where it is a baseline or a mixture. */
  readonly model: PointerModel
  readonly policy?: TrainedPolicy
}

/** A baseline as it is without the rewards of a query. */
export type Unseen = (baseline: Baseline, group: Group) => Baseline
