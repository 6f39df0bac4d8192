export { InputError, isInputError } from '@lever/durable-files'
export {
  ARCHITECTURES,
  ARCHITECTURE_NAMES,
  type ArchitectureName,
  type ConfigOf,
} from './architectures/index.ts'
export {
  type Architecture,
  type ArchitectureConfig,
  type Dropout,
  type Features,
  type Net,
  type ParameterSpec,
} from './types.ts'
export {
  architectureOf,
  countParameters,
  createModel,
  resolveConfig,
  type CreateModelOptions,
  type ModelSettings,
  type OwnSettings,
  architectureName,
  type PointerModel,
} from './model.ts'
export {
  beginPointers,
  CHOSEN,
  choose,
  noDropout,
  pointerLogits,
  sequenceLogits,
  stepLogProbs,
  type BoundNet,
  type PointerState,
  type SequenceInputs,
  type SequenceLogits,
} from './sequence.ts'
export { openSearcher, searchVectors, type LibrarySearcher, type SearchVectors } from './search-vectors.ts'
export { readPolicySearch, type PolicySearch } from './read-search.ts'
export { checkEmbedder, type EmbedderFacts } from './checkpoint/embedder.ts'
export { openPolicy, type Policy, type PolicyOptions } from './policy.ts'
export { type PolicyInput, type PolicyQuery } from './batches.ts'
export {
  byIds,
  type ChooseOptions,
  type Decoding,
  type PolicyByIds,
  type PolicyTables,
  type QueryIds,
} from './by-ids.ts'
export {
  MEMBER_PRIOR,
  memberLogits,
  rowEnd,
  rowWidth,
  widenRows,
  type Members,
  type RowEnd,
} from './members.ts'
export {
  type Baseline,
  type Columns,
  type Compared,
  type Floor,
  type FloorQuery,
  type Selection,
} from './floor/types.ts'
export { chooseByFloor, type FloorInput } from './floor/choose.ts'
export { baselineRanking, baselineScores, standardised } from './floor/baselines.ts'
export { startingModel, type StartingModel, type StartOptions } from './start.ts'
export { type GreedyChoice, type PointerChoice } from './decode/greedy.ts'
export { type SampledPointer, type SampleOptions } from './decode/sample.ts'
export { randomPointers, type RandomPointersOptions } from './decode/random.ts'
export {
  decodeCheckpoint,
  encodeCheckpoint,
  isFromAgreement,
  isUntrained,
  readCheckpoint,
  writeCheckpoint,
  type Checkpoint,
  type CheckpointInfo,
  type LoadedCheckpoint,
  type LoadOptions,
} from './checkpoint/checkpoint.ts'
export { inspectCheckpoint, type CheckpointDescription, type TensorLine } from './checkpoint/inspect.ts'
export {
  convertCheckpoint,
  CHECKPOINT_FORMS,
  type CheckpointForm,
  type ConvertedCheckpoint,
} from './checkpoint/convert.ts'
export { readLoadOptions, type LoadingChoice } from './checkpoint/load-options.ts'
export { formatCheckpoint } from './checkpoint/text.ts'
export { type StrictOptions } from './checkpoint/strict.ts'
export { VERSION } from './version.ts'
