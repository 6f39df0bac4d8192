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
export { BACKBONE, resolvePhase, type Phase, type PhaseFields, type PhaseOptions } from './phases.ts'
export { type AddedObjective, type ResolvedAddition } from './terms.ts'
export {
  AGREEMENT_PRESET,
  AUTO_CANDIDATES,
  MEMBER_PRESET,
  PRESET_NAMES,
  PRESETS,
  type Preset,
  type PresetName,
} from './presets.ts'
export {
  OBJECTIVE_NAMES,
  OBJECTIVES,
  resolveOptions,
  type ObjectiveName,
  type ObjectiveOptions,
} from './objectives/index.ts'
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
export { findFloor, type Delivered, type FloorOptions } from './floor/floor.ts'
export type { GreedyCheck, GreedyChoice, MeasureChoices, MeasuredChoice } from './floor/greedy.ts'
export type { Fold, TrainedPolicy } from './floor/way.ts'
export { columnsOf } from './floor/baselines.ts'
export { scorePolicy, type ScorePolicyOptions } from './score-policy.ts'
export { loadTraining, type LoadedTraining, type TrainingFiles } from './files/training-data.ts'
export { type PoolsByQuery, type ReadPools } from './files/label-pools.ts'
export { formatTrained, type Trained, type ValidationRow } from './files/text.ts'
export { trainFiles } from './files/train-files.ts'
export { placeOf } from './files/train-one.ts'
export {
  type Candidate,
  type RunSettings,
  type TrainedFiles,
  type TrainFilesEvent,
  type TrainFilesOptions,
  type TrainingPlan,
} from './files/plan.ts'
export {
  CELL_POLICIES,
  checkpointOf,
  type CellPolicy,
  type CellRecord,
  type ScoredPolicy,
} from './sweep/cell.ts'
export {
  MIN_SEEDS_FOR_INTERVAL,
  RANKINGS,
  rankRows,
  type Interval,
  type RankedCell,
  type Ranking,
  type SweepRow,
  type SweepStatistics,
} from './sweep/rank.ts'
export {
  sweep,
  type FailedCell,
  type SweepCell,
  type SweepEvent,
  type SweepHooks,
  type SweepSettings,
  type Swept,
} from './sweep/sweep.ts'
export {
  gridAxes,
  gridCells,
  readGrid,
  readGridOptions,
  type Axis,
  type Grid,
  type GridCell,
} from './sweep/grid.ts'
export { planCells } from './sweep/plan-cells.ts'
export { readRanking, type RankingText } from './sweep/read-ranking.ts'
export { formatSwept } from './sweep/text.ts'
export {
  policyName,
  testedSweep,
  type EvaluatedRow,
  type TestedSweepOptions,
  type TestFigure,
} from './sweep/tested.ts'
export { RANKING_FILE, sweepResult, type ResultRow, type SweepResult } from './sweep/result.ts'
export { SFT_SETTINGS, TRAIN_SETTINGS, type SftGroups, type TrainGroups } from './settings/groups.ts'
export {
  planAgreement,
  planMember,
  planSft,
  planTraining,
  runSft,
  runTraining,
  SFT_SCHEMA,
  TRAIN_SCHEMA,
  type SftSettings,
  type TrainSettings,
} from './settings/plan.ts'
export { phasesOf } from './settings/phases-of.ts'
export { PHASE_SETTINGS, type PhaseSetting } from './settings/phase-settings.ts'
export { groupOptionsOf, REWARD_SETTINGS } from './settings/reward-settings.ts'
