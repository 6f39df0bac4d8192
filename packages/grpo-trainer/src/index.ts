export { InputError, isInputError } from '@lever/durable-files'
export { train } from './train.ts'
export { trainInWorker } from './train-in-worker.ts'
export {
  type Audit,
  type Metrics,
  type SelectBy,
  type SelectedPolicy,
  type TrainEvent,
  type TrainOptions,
  type TrainResult,
} from './types.ts'
export { type Sizes, type TrainingData } from './data.ts'
export { BACKBONE, resolvePhase, type Phase, type PhaseOptions } from './phases.ts'
export { PRESET_NAMES, PRESETS, type Preset, type PresetName } from './presets.ts'
export { OBJECTIVE_NAMES, OBJECTIVES, resolveOptions, type ObjectiveName } from './objectives/index.ts'
export {
  type LossInputs,
  type Moment,
  type Objective,
  type Options,
  type OptionValue,
  type RewardedGroup,
  type Scored,
  type Snapshot,
  type Weighed,
} from './objectives/types.ts'
export { auditData } from './audit.ts'
export { type QueryRewards } from './reward-metrics.ts'
export { scorePolicy, type ScorePolicyOptions } from './score-policy.ts'
