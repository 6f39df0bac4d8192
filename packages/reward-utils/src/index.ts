export { InputError } from './errors.ts'
export { type Outcome, type OutcomeField } from './outcome.ts'
export {
  REWARD_MODES,
  REWARD_MODE_NAMES,
  type CorrectnessMode,
  type ModeInput,
  type RewardFunction,
  type RewardMode,
  type RewardModeDefinition,
  type RewardWeights,
} from './modes.ts'
export { computeGroupRewards, computeReward, type RewardContext, type RewardOptions } from './reward.ts'
export {
  NORMALIZERS,
  NORMALIZE_METHODS,
  groupStatistics,
  normalizeGroup,
  type GroupStatistics,
  type GroupStatus,
  type NormalizedGroup,
  type NormalizeMethod,
  type NormalizeOptions,
  type Normalizer,
} from './statistics.ts'
export { createRandom, restoreRandom, type Random } from './random.ts'
