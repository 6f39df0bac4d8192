export { InputError, isInputError } from '@lever/durable-files'
export {
  accuracyOf,
  expectedOf,
  isPositive,
  isScored,
  pointerIds,
  type IndexSpace,
  type RlCandidate,
  type RlData,
  type RlHistoryEntry,
  type RlMeta,
  type RlQuery,
  type RlQuestion,
  type RlShard,
  type RlShot,
  type VqaEvalMode,
} from './types.ts'
export {
  CANDIDATE_FIELDS,
  META_FIELDS,
  QUESTION_FIELDS,
  SCHEMA_VERSION,
  SHOT_FIELDS,
  candidateSchema,
  metaSchema,
  querySchema,
  rlDataSchema,
  type JsonSchema,
} from './schema.ts'
export { RL_DATA_FILES } from './file-names.ts'
export { SHAPES, SHAPE_NAMES, type Shape } from './shapes.ts'
export { EVAL_MODE_ALIASES } from './normalize-candidate.ts'
export { BEAM_METHOD } from './beams.ts'
export {
  createProblemList,
  formatProblem,
  throwFirstError,
  type Message,
  type Problem,
  type ProblemList,
  type ProblemPlace,
  type ProblemSink,
  type Severity,
} from './problems.ts'
export { bytesInMemory, type ByteSource } from '@lever/json-text'
export {
  loadAll,
  openRlSource,
  parseRlData,
  type LoadedRlData,
  type ReadOptions,
  type ReadReport,
  type RlSource,
} from './source.ts'
export { toRlData } from './to-rl-data.ts'
export { candidateProblem } from './check-schema.ts'
export { failedKey, parseFailedKey, parsePlanKey, queryKey } from './journal.ts'
export { candidateFilter, type RejectReason, type SelectOptions } from './select.ts'
export { groupRewards, type GroupRewardOptions, type GroupRewards } from './group-rewards.ts'
export { groupOf, type GroupArrays } from './group-of.ts'
export { buildGroups, type BuiltGroups, type Group, type GroupOptions } from './groups.ts'
export { mainEffects, type MainEffect, type MainEffects, type ValuedPointers } from './main-effects.ts'
export { assertDisjointImages, splitByImage, type Split, type SplitItem, type SplitOptions } from './split.ts'
export { describeRlData, type DescribeOptions } from './describe.ts'
export type { Description, DuplicateStatistics, MethodStatistics } from './description.ts'
export { type OracleStatistics } from './oracle.ts'
export { type RewardStatistics } from './reward-statistics.ts'
export { type Spread } from './counting.ts'
export { renderDescription, renderDropped } from './render.ts'
export { renderValidation, validateRlData, type Validation } from './validate.ts'
export { RL_FORMATS, encodeRlData, type EncodedRlData, type EncodeOptions, type RlFormat } from './encode.ts'
export { mergeRlData, renderMerge, type MergeInput, type MergeOptions, type MergeSummary } from './merge.ts'
export {
  FILTERS,
  FILTER_NAMES,
  type FilterDefinition,
  type FilterName,
  type FilterParams,
  type FilterValue,
} from './filters.ts'
export {
  filterRlData,
  formatStep,
  parseFilterStep,
  renderFilter,
  type FilterOptions,
  type FilterStep,
  type FilterSummary,
} from './filter.ts'
