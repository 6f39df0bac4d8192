export { InputError, isInputError } from '@lever/durable-files'
export { createAsker } from './ask.ts'
export type { AnswerStore, AskOptions, AskProgress, AskStats, Asker } from './ask.ts'
export { lookUpEmbeddings } from './embeddings.ts'
export type { EmbeddingLookup } from './embeddings.ts'
export { checkScorable, evaluateSelectors } from './evaluate.ts'
export type { EvaluateOptions, Evaluation, Pools } from './evaluate.ts'
export { findLeakage } from './leakage.ts'
export type { Leakage, LeakageOptions } from './leakage.ts'
export { evaluateMeasured, methodRows } from './offline/evaluate-measured.ts'
export type { Coverage, EvaluateMeasuredOptions, MeasuredEvaluation } from './offline/evaluate-measured.ts'
export { measuredOf, measuredQueries } from './offline/measured-queries.ts'
export type {
  MeasuredOutcome,
  MeasuredQueries,
  MeasuredQueriesOptions,
  MeasuredQuery,
} from './offline/measured-queries.ts'
export { measureOracle } from './oracle.ts'
export type { Oracle, OracleLevel, OracleOptions, OracleProgress } from './oracle-types.ts'
export type { Reporting, StageProgress } from './progress.ts'
export { renderMarkdown } from './render/markdown.ts'
export { renderCoverage, renderText } from './render/text.ts'
export type { RenderOptions } from './render/text.ts'
export { reportExamples } from './report/examples.ts'
export type {
  ExamplesOptions,
  ReportExamples,
  ShownExample,
  ShownPick,
  ShownQuestion,
} from './report/examples.ts'
export { renderReport, reportPlots } from './report/report.ts'
export { PAGE_STYLE } from './report/style.ts'
export type { ReportSources } from './report/run/read-run.ts'
export type { Thumbnail } from './report/run/thumbnails.ts'
export { DEFAULT_EXAMPLES, REPORT, reportRuns, writeReport } from './report/run/write.ts'
export type { ReportedRuns, ReportRunsSettings } from './report/run/write.ts'
export { describeRewards } from './report/rewards.ts'
export type { MethodRewards, RewardDescription } from './report/rewards.ts'
export type { Curve, CurveSeries, Fact, RankingTable, ReportInput, ReportRun } from './report/types.ts'
export { measureBounds } from './run/bounds.ts'
export type { Bounds, BoundsOptions } from './run/bounds.ts'
export { evaluateAll, saveEvaluation } from './run/evaluate-all.ts'
export type { ExpectedMeasure } from './run/expected.ts'
export type { EvaluateAllOptions, Evaluated } from './run/evaluate-all.ts'
export { evaluateRlData } from './run/evaluate-rl-data.ts'
export type { EvaluatedRlData, EvaluateRlDataSettings } from './run/evaluate-rl-data.ts'
export { checkEvaluation, evaluateRun } from './run/evaluate-run.ts'
export type { ComparisonSettings } from './run/comparison.ts'
export type { EvaluatedRun, EvaluateRunSettings } from './run/evaluate-run.ts'
export { readTrainedOn } from './run/policies.ts'
export type { EvaluatedPolicy, TrainedOn } from './run/policies.ts'
export { recordRead } from './run/reads.ts'
export type { Read } from './run/reads.ts'
export { datasetRecord, leakageRecord, poolsOfExamples, poolText, protocolRecord } from './run/records.ts'
export type {
  AskedModel,
  DatasetFiles,
  DatasetRecord,
  EvaluatedDataset,
  EvaluationRecord,
  NamedPools,
  ProtocolRecord,
} from './run/records.ts'
export { comparisonsOf, resultsOf, splitOf } from './run/results.ts'
export type { ComparisonResult, GapResult, ResultRow, SplitResult } from './run/results.ts'
export type { StaticRecord } from './run/records.ts'
export { measuredStatic } from './run/static-measured.ts'
export type { MeasuredStatic, MeasuredStaticOptions, StaticReward } from './run/static-measured.ts'
export type { StaticSettings } from './run/static-sets.ts'
export { bm25 } from './selectors/bm25.ts'
export type { Bm25Options } from './selectors/bm25.ts'
export { copyNearest } from './selectors/copy-nearest.ts'
export type { CopyNearestOptions } from './selectors/copy-nearest.ts'
export { selectAll } from './selectors/check.ts'
export { overLibrary, withinPool } from './selectors/scope.ts'
export { createSelector, SELECTOR_NAMES, SELECTORS } from './selectors/index.ts'
export type { DerivedSelector, SelectorName, SelectorOptionsOf, SelectorRequest } from './selectors/index.ts'
export { checkPolicyName, expandSelectors } from './selectors/expand.ts'
export type { ExpandableSelector, ExpandOptions } from './selectors/expand.ts'
export { kMeansDiversity } from './selectors/k-means.ts'
export type { KMeansOptions } from './selectors/k-means.ts'
export { majorityVote } from './selectors/majority-vote.ts'
export type { MeasuredOptions } from './selectors/measured.ts'
export { mmices } from './selectors/mmices.ts'
export type { MmicesOptions } from './selectors/mmices.ts'
export { mmr } from './selectors/mmr.ts'
export type { MmrOptions } from './selectors/mmr.ts'
export { oracle } from './selectors/oracle.ts'
export { pointer } from './selectors/pointer.ts'
export type { PointerOptions } from './selectors/pointer.ts'
export { policySelector } from './selectors/policy-selector.ts'
export type { ChoosingPolicy, PolicySelectorOptions } from './selectors/policy-selector.ts'
export { random } from './selectors/random.ts'
export { resolveSelectors } from './selectors/resolve.ts'
export type { ResolveOptions } from './selectors/resolve.ts'
export { reversed } from './selectors/reversed.ts'
export type { ReversedOptions } from './selectors/reversed.ts'
export { shuffled } from './selectors/shuffled.ts'
export type { ShuffledOptions } from './selectors/shuffled.ts'
export { similarity } from './selectors/similarity.ts'
export type { SimilarityOptions } from './selectors/similarity.ts'
export { similarityBoth } from './selectors/similarity-both.ts'
export { similarityImage } from './selectors/similarity-image.ts'
export { similarityText } from './selectors/similarity-text.ts'
export { oneShotVote } from './selectors/one-shot-vote.ts'
export type { OneShotVoteOptions } from './selectors/one-shot-vote.ts'
export { staticEffects, staticSet } from './selectors/static-set.ts'
export type { StaticEffectsOptions, StaticSetOptions } from './selectors/static-set.ts'
export type {
  EmbeddingRows,
  Measured,
  MeasuredPointer,
  NameOptions,
  Order,
  Selection,
  SelectionContext,
  Selector,
  SelectorDefinition,
  SelectorOptions,
  StaticChoice,
} from './selectors/types.ts'
export { worst } from './selectors/worst.ts'
export { swappedChoices, swappedWithin } from './selectors/swapped.ts'
export type { Choices, SwappedOptions } from './selectors/swapped.ts'
export { zeroShot } from './selectors/zero-shot.ts'
export { findStaticSets } from './static-search.ts'
export type { StaticSearch, StaticSearchOptions } from './static-search.ts'
export { bootstrapMeans } from './statistics/bootstrap.ts'
export type { Bootstrap, BootstrapOptions } from './statistics/bootstrap.ts'
export { clusteredMean } from './statistics/clustered-mean.ts'
export type { ClusteredMean } from './statistics/clustered-mean.ts'
export { clustersOf } from './statistics/clusters.ts'
export type { Clusters } from './statistics/clusters.ts'
export { minimumDetectableEffect } from './statistics/detectable.ts'
export type { DetectableOptions } from './statistics/detectable.ts'
export { gapClosed, gapClosedInterval } from './statistics/gap.ts'
export type { Gap } from './statistics/gap.ts'
export { holm } from './statistics/holm.ts'
export { percentileInterval } from './statistics/interval.ts'
export type { Interval } from './statistics/interval.ts'
export { mcnemar } from './statistics/mcnemar.ts'
export type { McNemar, McNemarOptions } from './statistics/mcnemar.ts'
export { signFlipP } from './statistics/sign-flip.ts'
export type { SignFlipOptions } from './statistics/sign-flip.ts'
export { spread } from './statistics/spread.ts'
export type { Spread } from './statistics/spread.ts'
export { summarizeBoth } from './summary/expected.ts'
export { summarize } from './summary/summarize.ts'
export type { SummarizeOptions } from './summary/summarize.ts'
export type { Comparison, GapRow, Part, SplitRow, Summary, TableRow } from './summary/types.ts'
export type {
  AnswerFunction,
  Answer,
  EvaluationRow,
  Example,
  ExamplePrompt,
  ScoreFunction,
  ScoreMode,
} from './types.ts'
