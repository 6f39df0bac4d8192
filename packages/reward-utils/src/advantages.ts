import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import { groupStatistics, type GroupStatistics } from './statistics.ts'

/** By what a reward minus its baseline is divided; see `computeAdvantages`. */
export const ADVANTAGE_SCALINGS = ['group', 'batch', 'none', 'rloo'] as const

/** What the difference of a reward to its baseline is divided by. */
export type AdvantageScaling = (typeof ADVANTAGE_SCALINGS)[number]

/** How rewards become advantages. */
export interface AdvantageOptions {
  /** Default `group`. */
  readonly scaling?: AdvantageScaling
  /** Smallest standard deviation to divide by, with `group` and `batch`. Default 0.1. */
  readonly minStd?: number
  /** Advantages are limited to -clip..clip; null leaves them. Default 5. */
  readonly clip?: number | null
}

export const ADVANTAGE_OPTIONS: OptionNames<AdvantageOptions> = { scaling: true, minStd: true, clip: true }

/** Advantages of the groups of a batch. */
export interface Advantages {
  /** One array per group, [G]; exact zeros unless the group is informative. */
  readonly values: readonly Float64Array[]
  readonly statistics: readonly GroupStatistics[]
  /** Number of groups of each kind that teach nothing. */
  readonly flat: number
  readonly single: number
}

/**
 * Group-relative advantages of the raw rewards of B groups, each [G].
 * - `group`: (r - mean) / max(std, minStd), the standard deviation of the group (GRPO; Shao et al., 2024).
 * - `batch`: the same with the standard deviation of all rewards of the B groups.
 * - `none`: r - mean (Dr. GRPO; Liu et al., 2025).
 * - `rloo`: r minus the mean of the other rewards of the group (Ahmadian et al., 2024).
 *
 *
 * @throws RangeError if a reward is not finite, `minStd` is negative or `clip` is not positive
 */
export function computeAdvantages(
  groups: readonly ArrayLike<number>[],
  options: AdvantageOptions = {},
): Advantages {
  refuseUnknownOptions(options, ADVANTAGE_OPTIONS, 'reward-utils: computeAdvantages')
  const { scaling = 'group', minStd = 0.1, clip = 5 } = options
  if (!(minStd >= 0)) throw new RangeError(`reward-utils: minStd must not be negative, got ${minStd}`)
  if (clip !== null && !(clip > 0))
    throw new RangeError(`reward-utils: clip must be positive or null, got ${clip}`)
  if (!ADVANTAGE_SCALINGS.includes(scaling)) {
    throw new RangeError(`reward-utils: unknown scaling ${scaling}; use ${ADVANTAGE_SCALINGS.join(', ')}`)
  }
  const statistics = groups.map((rewards) => groupStatistics(rewards))
  const batchStd =
    scaling === 'batch' ? groupStatistics(groups.flatMap((rewards) => Array.from(rewards))).std : 0

  const values = groups.map((rewards, g) => {
    const { status, size, mean, std } = statistics[g]!
    if (status !== 'informative') return new Float64Array(size)
    const divisor = {
      group: Math.max(std, minStd),
      batch: Math.max(batchStd, minStd),
      none: 1,
      rloo: (size - 1) / size,
    }[scaling]
    return Float64Array.from(rewards, (reward) => limit((reward - mean) / divisor, clip))
  })
  const count = (status: string): number => statistics.filter((group) => group.status === status).length
  return { values, statistics, flat: count('flat'), single: count('single') }
}

function limit(value: number, clip: number | null): number {
  return clip === null ? value : Math.min(clip, Math.max(-clip, value))
}
