import type { Components } from './components.ts'
import type { Estimate } from './estimate.ts'
import type { MethodMean } from './methods.ts'
import type { PilotReward } from './outcomes.ts'
import type { NeededQuestions } from './power.ts'
import type { Predictability } from './predict.ts'
import type { Reliability } from './reliability.ts'

/** What to do, by what was estimated. */
export interface Recommendation {
  readonly reward: PilotReward
  /** `mixed` where similarity helps clear of 0, else `random`. */
  readonly pool: 'mixed' | 'random'
  /** G */
  readonly groupSize: number
  readonly trainingQueries: number
  readonly prompts: number
  /** null where no speed is known. */
  readonly hours: number | null
  /** null where no speed or no price is known. */
  readonly money: number | null
  readonly verdict: string
  /** Why, one sentence each. */
  readonly reasons: readonly string[]
}

/** What a pilot says of one reward. */
export interface PilotRewardReport {
  readonly reward: PilotReward
  /** Queries whose choices all have one reward. */
  readonly flat: Estimate
  readonly components: Components
  /** null without a second wording. */
  readonly reliability: Reliability | null
  /** Of the variance within a query, what the features predict on held-out queries; null without features. */
  readonly predictable: Predictability | null
  /**
   * Gain of the best choice by this reward over a blind one, judged under the other wording: in accuracy where it was
   * measured, else in the reward itself. null without a second wording.
   */
  readonly headroom: Estimate | null
}

/** Whether there is more to win, and at what price. */
export interface PilotReport {
  readonly queries: number
  /** Mean number of choices of a query. */
  readonly groupSize: number
  /** Number of demonstrations of a choice. */
  readonly shots: number
  readonly methods: readonly MethodMean[]
  readonly rewards: readonly PilotRewardReport[]
  /** null where no accuracy was measured. */
  readonly needed: readonly NeededQuestions[] | null
  readonly recommendation: Recommendation
}
