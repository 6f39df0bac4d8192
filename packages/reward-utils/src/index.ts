export { InputError, isInputError } from '@lever/durable-files/input-error'
export { type Outcome, type OutcomeField } from './outcome.ts'
export { REWARD_KINDS, type RewardKind, type RewardScale } from './scale.ts'
export {
  EXPECTED_FLOOR,
  REWARD_MODES,
  REWARD_MODE_NAMES,
  type CorrectnessMode,
  type ModeInput,
  type RewardFunction,
  type RewardMode,
  type RewardModeDefinition,
  type RewardWeights,
} from './modes.ts'
export {
  computeGroupRewards,
  computeReward,
  rewardScale,
  type RewardContext,
  type RewardOptions,
} from './reward.ts'
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
export {
  combineRewards,
  multiShotReward,
  type CombinedRewards,
  type CombineOptions,
  type RewardTerm,
} from './combine.ts'
export {
  ADVANTAGE_SCALINGS,
  computeAdvantages,
  type AdvantageOptions,
  type Advantages,
  type AdvantageScaling,
} from './advantages.ts'
export { rceWeights, temperatureAt, uniformPolicyLoss, type TemperatureOptions } from './rce.ts'
export {
  categoricalKl,
  categoricalKlOfLogits,
  initAdaptiveKl,
  klEstimates,
  updateAdaptiveKl,
  type AdaptiveKl,
  type KlEstimator,
} from './kl.ts'
export { createRandom, restoreRandom, type Random } from './random.ts'
