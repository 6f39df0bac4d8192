import { NORMALIZE_METHODS, REWARD_MODE_NAMES } from '@lever/reward-utils'

import type { GroupOptions } from '@lever/rl-dataset'
import type { RewardOptions } from '@lever/reward-utils'

/** What a reward setting sets: an option of the reward, or of the groups. */
type RewardPath = `reward.${keyof RewardOptions}` | Exclude<keyof GroupOptions, 'reward'>

/** The settings that turn outcomes into rewards and choose the outcomes that count: one entry each. */
export const REWARD_SETTINGS = {
  rewardMode: {
    type: 'text',
    to: 'reward.mode',
    about: 'reward mode, which turns an outcome into a reward',
    choices: REWARD_MODE_NAMES as readonly (typeof REWARD_MODE_NAMES)[number][],
    default: 'hard_plus_soft',
  },
  hardWeight: {
    type: 'number',
    to: 'reward.hardWeight',
    about: 'reward weight of vqa_correct',
    unset: 'that of the reward mode',
  },
  softWeight: {
    type: 'number',
    to: 'reward.softWeight',
    about: 'reward weight of vqa_acc_score or vqa_gt_prob',
    unset: 'that of the reward mode',
  },
  relWeight: {
    type: 'number',
    to: 'reward.relWeight',
    about: 'reward weight of vqa_rel_score',
    unset: 'that of the reward mode',
  },
  rewardAlpha: {
    type: 'number',
    to: 'reward.alpha',
    about: 'reward weight of the InfoScore in mode hybrid, or of the score in mode legacy',
    unset: 'that of the reward mode',
  },
  rewardBeta: {
    type: 'number',
    to: 'reward.beta',
    about: 'reward weight of correctness in mode legacy',
    unset: 'that of the reward mode',
  },
  rewardCorrectnessMode: {
    type: 'text',
    to: 'reward.correctnessMode',
    about: 'how reward mode legacy counts correctness: 0 and 1, or -1 and 1',
    choices: ['01', 'pm1'],
    unset: '01',
  },
  useLogprob: {
    type: 'flag',
    to: 'reward.useLogprob',
    about: 'use the log-probability instead of the beam score, in reward mode legacy',
  },
  rewardClip: {
    type: 'numbers',
    to: 'reward.clip',
    about: 'limits that rewards are clipped to, LOW HIGH',
    count: 2,
    unset: 'those of the reward mode',
  },
  missingZero: {
    type: 'flag',
    to: 'reward.missing',
    value: 'zero',
    about: 'count a missing reward field as 0, as the original does, instead of failing',
  },
  shotWeights: {
    type: 'numbers',
    to: 'shotWeights',
    about: 'weights w1..wK of the rewards of the first k demonstrations, summed up to the reward',
  },
  normalizeMethod: {
    type: 'text',
    to: 'normalize',
    about: 'normalisation of the rewards of a group',
    choices: NORMALIZE_METHODS as readonly (typeof NORMALIZE_METHODS)[number][],
    default: 'z_score_clamp',
  },
  normalizeClampValue: {
    type: 'number',
    to: 'clamp',
    about: 'bound of normalised rewards with z_score_clamp',
    default: 3,
    min: 0,
    onlyWith: { normalizeMethod: ['z_score_clamp'] },
  },
  skipFallbackReward: {
    type: 'flag',
    to: 'skipFallbackReward',
    about: 'leave out outcomes that the string matcher scored',
    default: true,
  },
  filterGenMethods: {
    type: 'list',
    to: 'filterGenMethods',
    about: 'proposal methods whose pointers are used',
    unset: 'all',
  },
  includeTransferred: {
    type: 'flag',
    to: 'includeTransferred',
    about: 'also use outcomes copied from another query',
  },
} as const

interface RewardSetting {
  readonly type: string
  readonly to: RewardPath
  /** What a flag sets. */
  readonly value?: string
}

const TABLE: Readonly<Record<string, RewardSetting>> = REWARD_SETTINGS

/** Reward settings in the words of `@lever/rl-dataset`. */
export function groupOptionsOf(settings: Readonly<Record<string, unknown>>): GroupOptions {
  const options: Record<string, unknown> = { filterGenMethods: null }
  const reward: Record<string, unknown> = {}
  for (const [name, { to, value }] of Object.entries(TABLE)) {
    const given = settings[name]
    if (given === undefined || (value !== undefined && given === false)) continue
    const [, key] = to.split('.')
    if (key === undefined) options[to] = given
    else if (given !== false) reward[key] = value ?? given
  }
  return { ...options, reward }
}
