import { InputError } from '@lever/durable-files'
import type { GroupRewardOptions, SelectOptions } from '@lever/rl-dataset'
import type { CorrectnessMode } from '@lever/reward-utils'
import type { NORMALIZE_METHODS, REWARD_MODE_NAMES } from '@lever/reward-utils'

export interface RewardChoice {
  readonly rewardMode: (typeof REWARD_MODE_NAMES)[number]
  readonly hardWeight: number | undefined
  readonly softWeight: number | undefined
  readonly relWeight: number | undefined
  readonly rewardAlpha: number | undefined
  readonly rewardBeta: number | undefined
  readonly rewardCorrectnessMode: CorrectnessMode | undefined
  readonly useLogprob: boolean
  readonly rewardClip: readonly number[] | undefined
  readonly missingZero: boolean
  readonly shotWeights: readonly number[] | undefined
  readonly normalizeMethod: (typeof NORMALIZE_METHODS)[number]
  readonly normalizeClampValue: number
  readonly skipFallbackReward: boolean
  readonly filterGenMethods: readonly string[] | undefined
  readonly includeTransferred: boolean
}

/** The options in the words of `rl-dataset`. */
export function groupOptionsOf(choice: RewardChoice): GroupRewardOptions & SelectOptions {
  const { rewardMode, hardWeight, softWeight, relWeight, rewardAlpha, rewardBeta, shotWeights, rewardClip } =
    choice
  if (rewardClip !== undefined && rewardClip.length !== 2) {
    throw new InputError(`--reward-clip has ${rewardClip.length} numbers; give two, LOW HIGH`)
  }
  return {
    reward: {
      mode: rewardMode,
      ...(hardWeight !== undefined && { hardWeight }),
      ...(softWeight !== undefined && { softWeight }),
      ...(relWeight !== undefined && { relWeight }),
      ...(rewardAlpha !== undefined && { alpha: rewardAlpha }),
      ...(rewardBeta !== undefined && { beta: rewardBeta }),
      ...(choice.rewardCorrectnessMode !== undefined && { correctnessMode: choice.rewardCorrectnessMode }),
      ...(choice.useLogprob && { useLogprob: true }),
      ...(rewardClip !== undefined && { clip: rewardClip as unknown as readonly [number, number] }),
      ...(choice.missingZero && { missing: 'zero' as const }),
    },
    ...(shotWeights !== undefined && { shotWeights }),
    normalize: choice.normalizeMethod,
    clamp: choice.normalizeClampValue,
    skipFallbackReward: choice.skipFallbackReward,
    filterGenMethods: choice.filterGenMethods ?? null,
    includeTransferred: choice.includeTransferred,
  }
}
