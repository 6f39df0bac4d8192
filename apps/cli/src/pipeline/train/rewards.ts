import { InputError } from '@lever/durable-files'
import type { GroupRewardOptions, SelectOptions } from '@lever/rl-dataset'
import type { CorrectnessMode } from '@lever/reward-utils'
import { NORMALIZE_METHODS, REWARD_MODE_NAMES } from '@lever/reward-utils'
import type { Option } from '../../options.ts'
import { choice, flag, list, number, numbers } from '../../options.ts'

/** The options that turn outcomes into rewards and choose the outcomes that count. */
export const rewardOptions: {
  readonly 'reward-mode': Option<(typeof REWARD_MODE_NAMES)[number]>
  readonly 'hard-weight': Option<number | undefined>
  readonly 'soft-weight': Option<number | undefined>
  readonly 'rel-weight': Option<number | undefined>
  readonly 'reward-alpha': Option<number | undefined>
  readonly 'reward-beta': Option<number | undefined>
  readonly 'reward-correctness-mode': Option<CorrectnessMode | undefined>
  readonly 'use-logprob': Option<boolean>
  readonly 'reward-clip': Option<readonly number[] | undefined>
  readonly 'missing-zero': Option<boolean>
  readonly 'shot-weights': Option<readonly number[] | undefined>
  readonly 'normalize-method': Option<(typeof NORMALIZE_METHODS)[number]>
  readonly 'normalize-clamp-value': Option<number>
  readonly 'skip-fallback-reward': Option<boolean>
  readonly 'filter-gen-methods': Option<readonly string[] | undefined>
  readonly 'include-transferred': Option<boolean>
} = {
  'reward-mode': choice('how an outcome becomes a reward', REWARD_MODE_NAMES, { default: 'hard_plus_soft' }),
  'hard-weight': number('weight of vqa_correct', { shown: '1' }),
  'soft-weight': number('weight of vqa_acc_score or vqa_gt_prob', { shown: '1' }),
  'rel-weight': number('weight of vqa_rel_score', { shown: '0.1' }),
  'reward-alpha': number('weight of the InfoScore in hybrid, of the score in legacy', {
    shown: 'of the mode',
  }),
  'reward-beta': number('weight of the correctness in legacy', { shown: '0' }),
  'reward-correctness-mode': choice('correctness in legacy', ['01', 'pm1']),
  'use-logprob': flag('legacy: the log-probability in place of the beam score'),
  'reward-clip': numbers('rewards are clipped to LOW HIGH', { shown: '-5 5' }),
  'missing-zero': flag('a missing field counts as 0, as in the original, in place of an error'),
  'shot-weights': numbers('w1..wK: the reward is the weighted sum over the first k demonstrations'),
  'normalize-method': choice('normalisation within a group', NORMALIZE_METHODS, { default: 'z_score_clamp' }),
  'normalize-clamp-value': number('bound of z_score_clamp', { default: 3, min: 0 }),
  'skip-fallback-reward': flag('leave out outcomes of the string matcher', { default: true }),
  'filter-gen-methods': list('only pointers proposed by these methods', { shown: 'all' }),
  'include-transferred': flag('also use outcomes copied from another query'),
}

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
