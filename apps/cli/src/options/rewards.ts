/* eslint-disable @typescript-eslint/no-unnecessary-type-assertion -- isolatedDeclarations asks for the types of names */
import { NORMALIZE_METHODS, REWARD_MODE_NAMES } from '@lever/reward-utils'

/** The options that turn outcomes into rewards and choose the outcomes that count. */
export const rewardOptions = {
  rewardMode: {
    type: 'text',
    about: 'reward mode, which turns an outcome into a reward',
    choices: REWARD_MODE_NAMES as typeof REWARD_MODE_NAMES,
    default: 'hard_plus_soft',
  },
  hardWeight: {
    type: 'number',
    about: 'reward weight of vqa_correct',
    unset: 'that of the reward mode',
  },
  softWeight: {
    type: 'number',
    about: 'reward weight of vqa_acc_score or vqa_gt_prob',
    unset: 'that of the reward mode',
  },
  relWeight: {
    type: 'number',
    about: 'reward weight of vqa_rel_score',
    unset: 'that of the reward mode',
  },
  rewardAlpha: {
    type: 'number',
    about: 'reward weight of the InfoScore in mode hybrid, or of the score in mode legacy',
    unset: 'that of the reward mode',
  },
  rewardBeta: {
    type: 'number',
    about: 'reward weight of correctness in mode legacy',
    unset: 'that of the reward mode',
  },
  rewardCorrectnessMode: {
    type: 'text',
    about: 'how reward mode legacy counts correctness: 0 and 1, or -1 and 1',
    choices: ['01', 'pm1'],
    unset: '01',
  },
  useLogprob: {
    type: 'flag',
    about: 'use the log-probability instead of the beam score, in reward mode legacy',
  },
  rewardClip: {
    type: 'numbers',
    about: 'limits that rewards are clipped to, LOW HIGH',
    count: 2,
    unset: 'those of the reward mode',
  },
  missingZero: {
    type: 'flag',
    about: 'count a missing reward field as 0, as the original does, instead of failing',
  },
  shotWeights: {
    type: 'numbers',
    about: 'weights w1..wK of the rewards of the first k demonstrations, summed up to the reward',
  },
  normalizeMethod: {
    type: 'text',
    about: 'normalisation of the rewards of a group',
    choices: NORMALIZE_METHODS as typeof NORMALIZE_METHODS,
    default: 'z_score_clamp',
  },
  normalizeClampValue: {
    type: 'number',
    about: 'bound of normalised rewards with z_score_clamp',
    default: 3,
    min: 0,
    onlyWith: { normalizeMethod: ['z_score_clamp'] },
  },
  skipFallbackReward: {
    type: 'flag',
    about: 'leave out outcomes that the string matcher scored',
    default: true,
  },
  filterGenMethods: {
    type: 'list',
    about: 'proposal methods whose pointers are used',
    unset: 'all',
  },
  includeTransferred: { type: 'flag', about: 'also use outcomes copied from another query' },
} as const
