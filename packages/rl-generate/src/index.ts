export { InputError, isInputError } from '@lever/durable-files'
export type { Example } from './types.ts'
export { similarityOf } from './similarity.ts'
export { defaultPoolMethod, POOL_METHODS, POOL_METHOD_NAMES, type PoolMethodName } from './pools/methods.ts'
export type {
  LearnedVectors,
  PoolContext,
  PoolDataset,
  PoolEmbeddings,
  PoolFeatures,
  PoolMethod,
  PoolSearch,
  PoolSource,
  Pools,
} from './pools/types.ts'
export { buildPools, type BuildPoolsOptions } from './pools/build.ts'
export { checkPools, type PoolExpectation } from './pools/check.ts'
export { readPools, savePools } from './pools/io.ts'
export {
  PROPOSAL_METHODS,
  PROPOSAL_METHOD_NAMES,
  type ProposalMethodName,
  type ProposalOptions,
  type ProposalRequest,
} from './proposals/methods.ts'
export type {
  PolicyPointer,
  PolicyProposer,
  Proposal,
  ProposalContext,
  ProposalMethod,
  ProposalNeed,
  ProposalQuery,
  Similarity,
} from './proposals/types.ts'
export { proposePointers, type ProposeOptions } from './proposals/propose.ts'
export { readPointers } from './proposals/io.ts'
export { defaultMix, type DefaultMixOptions } from './proposals/mix.ts'
export { measureRewards } from './measure/measure.ts'
export { measureHeader, type MeasureHeader } from './measure/header.ts'
export { measurementKey } from './measure/key.ts'
export type {
  AnswerFunction,
  DisagreementEvent,
  DoneEvent,
  Answer,
  MeasureEvent,
  MeasureMeta,
  MeasureOptions,
  MeasurePlan,
  ExamplePrompt,
  MeasuredScore,
  Score,
  ProgressEvent,
  ProposeFunction,
  ScoreFunction,
  StartEvent,
} from './measure/types.ts'
export type {
  AdaptiveStatistics,
  CountShare,
  MeasureStatistics,
  MethodStatistics,
} from './measure/statistics.ts'
export { parseShard, shardQueries, type Shard } from './shard.ts'
export { mergeShards, type MergeOptions, type MergeReport } from './merge.ts'
export { writeRlData, type WriteRlDataOptions } from './write.ts'
export {
  agreementLabels,
  agreementOfRlData,
  type AgreementLabels,
  type AgreementOptions,
} from './agreement.ts'
export { growBeams } from './beams/grow.ts'
export { encodeBeams, writeBeams } from './beams/file.ts'
export type {
  AnchorBeams,
  Beam,
  BeamEvent,
  BeamOptions,
  BeamStatistics,
  ConstructOrder,
  GroundTruthFailure,
  GroundTruthScore,
  ScoreGroundTruth,
} from './beams/types.ts'
export { BEAM_FILES, generateBeams, type GenerateBeamsOptions, type GeneratedBeams } from './beams/run.ts'
export { formatBeams } from './beams/text.ts'
export { formatDryRun, formatGenerated, type PromptCosts } from './generate/text.ts'
export { countGeneration, type CountGenerationOptions, type GenerationCounts } from './generate/dry-run.ts'
export {
  generateJournal,
  generateRlData,
  type GeneratedRlData,
  type GenerateRlDataOptions,
} from './generate/generate.ts'
export {
  embeddingsOf,
  metaOf,
  protocolOf,
  type AnsweringModel,
  type DatasetFacts,
  type EmbeddingFacts,
  type MetaOptions,
} from './generate/meta.ts'
export { improveRounds } from './improve/improve.ts'
export { formatImproved } from './improve/text.ts'
export type {
  GivenPointer,
  Improved,
  ImproveEvent,
  ImproveOptions,
  MeasuredPointer,
  OpenedPolicy,
  RoundRecord,
  TrainedRound,
  TrainingRound,
} from './improve/types.ts'
export { planPointers, type PlanOptions, type PointerPlan } from './generate/plan.ts'
export type {
  GenerationEvent,
  GenerationOptions,
  GenerationPlan,
  GenerationPolicy,
} from './generate/types.ts'
export { mixNeeds } from './proposals/needs.ts'
export type { Components } from './pilot/components.ts'
export type { Estimate } from './pilot/estimate.ts'
export type { MethodMean } from './pilot/methods.ts'
export type { PilotReward } from './pilot/outcomes.ts'
export { analysePilot, type PilotOptions } from './pilot/pilot.ts'
export type { NeededQuestions } from './pilot/power.ts'
export { pilotFeatures, type PilotFeatures, type Predictability } from './pilot/predict.ts'
export type { Reliability } from './pilot/reliability.ts'
export { formatPilot, pilotTables, type PilotTables } from './pilot/text.ts'
export type { PilotReport, PilotRewardReport, Recommendation } from './pilot/types.ts'
