import { detailOf, InputError } from '@lever/durable-files'
import {
  combineRewards,
  computeGroupRewards,
  groupStatistics,
  multiShotReward,
  normalizeGroup,
  type GroupStatus,
  type NormalizeMethod,
  type RewardOptions,
  type RewardTerm,
} from '@lever/reward-utils'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import type { RlCandidate, RlShot } from './types.ts'

/** How the outcomes of a group become rewards. */
export interface GroupRewardOptions {
  /** The reward of an outcome; or several modes, summed with weights. Default mode `hard_plus_soft`. */
  readonly reward?: RewardOptions | readonly RewardTerm[]
  /** With several modes: sum then normalise (default), or normalise then sum. */
  readonly combine?: 'sum_then_normalize' | 'normalize_then_sum'
  /** Weights w_1..w_K of `R_total = sum w_k R_k` over the first k demonstrations, read from `shots`. Default: only R_K. */
  readonly shotWeights?: readonly number[]
  /** Default `z_score_clamp`. */
  readonly normalize?: NormalizeMethod
  /** Bound of `z_score_clamp`. Default 3. */
  readonly clamp?: number
}

export const GROUP_REWARD_OPTIONS: OptionNames<GroupRewardOptions> = {
  reward: true,
  combine: true,
  shotWeights: true,
  normalize: true,
  clamp: true,
}

/** The rewards of the pointers of one query. */
export interface GroupRewards {
  /** [G] */
  readonly raw: Float64Array
  /** [G] normalised. */
  readonly rewards: Float64Array
  readonly status: GroupStatus
}

/**
 * Raw and normalised rewards of the candidates of one query, [G].
 *
 * @throws InputError if a reward cannot be computed; the message starts with `where`.
 */
export function groupRewards(
  candidates: readonly RlCandidate[],
  options: GroupRewardOptions = {},
  where = 'the group',
): GroupRewards {
  refuseUnknownOptions(options, GROUP_REWARD_OPTIONS, 'rl-dataset: groupRewards')
  const { reward = {}, combine = 'sum_then_normalize', shotWeights } = options
  const { normalize = 'z_score_clamp', clamp = 3 } = options
  try {
    if (isTerms(reward)) {
      if (shotWeights)
        throw new Error('shotWeights and several reward modes cannot be used together; choose one')
      const { raw, values } = combineRewards(candidates, reward, { order: combine, method: normalize, clamp })
      return { raw, rewards: values, status: groupStatistics(values).status }
    }
    const raw = shotWeights
      ? rewardsOverShots(candidates, shotWeights, reward)
      : computeGroupRewards(candidates, reward)
    const { values, status } = normalizeGroup(raw, { method: normalize, clamp })
    return { raw, rewards: values, status }
  } catch (error) {
    const detail = detailOf(error)
    throw new InputError(`rl-dataset: ${where}: ${detail}`, { cause: error, detail })
  }
}

function isTerms(reward: RewardOptions | readonly RewardTerm[]): reward is readonly RewardTerm[] {
  return Array.isArray(reward)
}

function rewardsOverShots(
  candidates: readonly RlCandidate[],
  weights: readonly number[],
  reward: RewardOptions,
): Float64Array {
  const shots = candidates[0]?.pointer.length ?? 0
  const perShot = Array.from({ length: shots }, (_, i) =>
    weights[i] === 0
      ? new Float64Array(candidates.length)
      : computeGroupRewards(
          candidates.map((candidate, g) => outcomeAt(candidate, i + 1, g)),
          reward,
        ),
  )
  return Float64Array.from(candidates, (_, g) =>
    multiShotReward(
      perShot.map((rewards) => rewards[g]!),
      weights,
    ),
  )
}

function outcomeAt(candidate: RlCandidate, k: number, g: number): RlCandidate | RlShot {
  const shot = candidate.shots?.find((each) => each.k === k)
  if (shot) return shot
  if (k === candidate.pointer.length) return candidate
  throw new Error(
    `candidate ${g} has no outcome of its first ${k} demonstrations in shots; measure the prefixes too`,
  )
}
