import type { OptionNames } from '@lever/durable-files/known-options'
import type { EmbeddingPairs } from '@lever/tensor-files'
import type { Reporting } from '../progress.ts'
import type { ReportSources } from '../report/run/read-run.ts'
import type { ScoreFunction } from '../types.ts'
import type { EvaluatedPolicy, TrainedOn } from './policies.ts'
import type { EvaluatedDataset } from './records.ts'

/** Which selectors are compared, and how: the settings that evaluations with and without a model share. */
export interface ComparisonSettings extends Reporting {
  /** The run directory. */
  readonly out: string
  /** Embeddings of queries and candidates, by kind. */
  readonly embeddings: EmbeddingPairs
  /** Trained policies, each with a row of its own. May be empty. */
  readonly policies: readonly EvaluatedPolicy[]
  /** What the policies were trained on, to find questions and images that the evaluation shares with it. */
  readonly trainedOn: TrainedOn
  /** Evaluate policies whose rewards were measured under another protocol too. Default false: an InputError. */
  readonly allowProtocolMismatch?: boolean
  /** Numbers of demonstrations, each given once. */
  readonly shots: readonly number[]
  /** How many seeds selectors that draw are evaluated with. */
  readonly seeds: number
  /** Seed of draws and intervals, and the first of `seeds`. */
  readonly seed: number
  /** Bootstrap resamples of the intervals. Default 10,000. */
  readonly resamples?: number
  /** Scores an answer to a question, 0..1: `officialScore()` of `vqa-eval`. */
  readonly score: ScoreFunction
  /** Versions of programs, for the manifest. */
  readonly versions?: Record<string, string>
  /** What the report reads besides the run directory. */
  readonly report?: Omit<ReportSources, 'openDataset'>
}

export const COMPARISON_SETTINGS: OptionNames<ComparisonSettings> = {
  out: true,
  embeddings: true,
  policies: true,
  trainedOn: true,
  allowProtocolMismatch: true,
  shots: true,
  seeds: true,
  seed: true,
  resamples: true,
  score: true,
  versions: true,
  report: true,
  onProgress: true,
  onWarning: true,
  onNotice: true,
  signal: true,
}

export function reportingOf({ onProgress, onWarning, onNotice, signal }: Reporting): Reporting {
  return { onProgress, onWarning, onNotice, signal }
}

/** Datasets that are open already, as the report asks for them. */
export function openAmong(
  datasets: readonly (EvaluatedDataset | undefined)[],
): NonNullable<ReportSources['openDataset']> {
  return ({ hash }) => Promise.resolve(datasets.find((one) => one?.hash === hash))
}

export function seedsOf({ seeds, seed }: Pick<ComparisonSettings, 'seeds' | 'seed'>): number[] {
  return Array.from({ length: seeds }, (_, i) => seed + i)
}
