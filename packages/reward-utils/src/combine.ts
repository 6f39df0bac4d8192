import { refuseUnknownOptions, type OptionNames, pickOptions } from '@lever/durable-files/known-options'
import type { Outcome } from './outcome.ts'
import { computeGroupRewards, REWARD_OPTIONS, type RewardOptions } from './reward.ts'
import { normalizeGroup, type NormalizeOptions } from './statistics.ts'

/** One mode of a combination, with its own options and its weight in the sum. */
export interface RewardTerm extends RewardOptions {
  readonly weight: number
}

/** Whether modes are summed before or after they are normalised. */
export interface CombineOptions extends NormalizeOptions {
  /** Sum the weighted rewards, then normalise (default), or normalise each mode in the group, then sum. */
  readonly order?: 'sum_then_normalize' | 'normalize_then_sum'
}

export const COMBINE_OPTIONS: OptionNames<CombineOptions> = { order: true, method: true, clamp: true }

/** Several reward modes in one. */
export interface CombinedRewards {
  /** Weighted sum of the rewards before any normalisation, [G]. */
  readonly raw: Float64Array
  /** The combined rewards, normalised in the chosen order, [G]. */
  readonly values: Float64Array
}

/**
 * Several reward modes in one: `sum_m weight_m * R_m`, over the G outcomes of one query.
 * With `normalize_then_sum` a mode whose rewards are all equal adds 0.
 * Throws RangeError without terms or with a weight that is not finite, and as `computeReward`.
 */
export function combineRewards(
  outcomes: readonly Outcome[],
  terms: readonly RewardTerm[],
  options: CombineOptions = {},
): CombinedRewards {
  refuseUnknownOptions(options, COMBINE_OPTIONS, 'reward-utils: combineRewards')
  const { order = 'sum_then_normalize', ...normalize } = options
  if (terms.length === 0) throw new RangeError('reward-utils: combineRewards needs at least one mode')
  const rewards = terms.map((term) =>
    computeGroupRewards(outcomes, pickOptions<RewardOptions>(term, REWARD_OPTIONS)),
  )
  const weights = terms.map(({ weight }) => weight)
  const raw = weightedSum(rewards, weights)
  if (order === 'sum_then_normalize') return { raw, values: normalizeGroup(raw, normalize).values }
  const normalized = rewards.map((values) => normalizeGroup(values, normalize).values)
  return { raw, values: weightedSum(normalized, weights) }
}

/**
 * The reward of a pointer of K demonstrations as the sum over its prefixes, `R_total = w_1 R_1 + ... + w_K R_K`, where
 * R_k is the reward of the prompt made of the first k demonstrations.
 * Throws RangeError unless there are as many weights as rewards, at least one, all finite.
 */
export function multiShotReward(perShot: readonly number[], weights: readonly number[]): number {
  if (perShot.length === 0 || perShot.length !== weights.length) {
    throw new RangeError(
      `reward-utils: multiShotReward needs one weight per shot; got ${perShot.length} rewards and ${weights.length} weights`,
    )
  }
  return weightedSum(
    perShot.map((reward) => [reward]),
    weights,
  )[0]!
}

function weightedSum(rows: readonly ArrayLike<number>[], weights: readonly number[]): Float64Array {
  const sum = new Float64Array(rows[0]!.length)
  rows.forEach((row, r) => {
    for (let i = 0; i < sum.length; i++) sum[i]! += weights[r]! * row[i]!
  })
  const bad = sum.findIndex((value) => !Number.isFinite(value))
  if (bad >= 0) {
    throw new RangeError(
      `reward-utils: the weighted sum of rewards ${bad} is ${sum[bad]!}; weights and rewards must be finite`,
    )
  }
  return sum
}
