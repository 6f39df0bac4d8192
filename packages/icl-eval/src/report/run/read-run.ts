import { readdir } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { exists, hashFile, InputError, readJson, readJsonLines, requirePath } from '@lever/durable-files'
import type { Manifest } from '@lever/durable-files'
import { isScored, RL_DATA_FILES } from '@lever/rl-dataset'
import type { RlCandidate } from '@lever/rl-dataset'
import { readRlData } from '@lever/rl-dataset/node'
import type { Coverage } from '../../offline/evaluate-measured.ts'
import { measuredQueries } from '../../offline/measured-queries.ts'
import type { Reporting } from '../../progress.ts'
import type { DatasetRecord, EvaluationRecord } from '../../run/records.ts'
import { BEST_BASELINE } from '../../summary/baselines.ts'
import { isSwapped } from '../../summary/split.ts'
import type { Summary } from '../../summary/types.ts'
import type { EvaluationRow, Example } from '../../types.ts'
import type { ReportExamples } from '../examples.ts'
import { describeRewards } from '../rewards.ts'
import type { RewardDescription } from '../rewards.ts'
import type { PilotTables, RankingTable, ReportRun } from '../types.ts'
import { curvesOf } from './curves.ts'
import { factsOf, warningsOf } from './facts.ts'
import { examplesWithImages } from './thumbnails.ts'
import type { Thumbnail } from './thumbnails.ts'

/** A run directory as the report shows it. */
export interface RunContent {
  readonly path: string
  readonly manifest: Manifest
  readonly run: ReportRun
}

/** What a report reads besides run directories. */
export interface ReportSources {
  /**
   * Opens the dataset of the questions or of the demonstrations again, for the browser of examples. Without it, or where
   * it gives undefined, the report has no examples.
   */
  readonly openDataset?: (
    record: DatasetRecord,
    role: 'dataset' | 'pool',
  ) => Promise<{ readonly hash: string; readonly examples: readonly Example[] } | undefined>
  /** Makes small images for the browser of examples. Without it, examples have none. */
  readonly thumbnail?: Thumbnail
  /** Reads what a pilot found. */
  readonly readPilot?: (path: string) => Promise<PilotTables>
  /** Reads the ranking of a sweep. */
  readonly readRanking?: (path: string) => Promise<RankingTable>
}

export interface ReadRunOptions extends ReportSources, Reporting {
  readonly path: string
  readonly name: string
  /** Questions in the browser of examples, at most; 0 for none. */
  readonly limit: number
  /** Room for their images in the page, in bytes. */
  readonly imageBytes: number
}

/**
 * Reads everything that a run directory holds and a report can show: results and answers, training curves, measured
 * rewards, the ranking of a sweep.
 * @throws InputError if the folder is not a run directory, or holds nothing to report
 */
export async function readRun(options: ReadRunOptions): Promise<RunContent> {
  const { name, onWarning } = options
  const path = resolve(options.path)
  const manifest = await readManifest(path)
  const record = manifest['evaluated'] as EvaluationRecord | undefined
  const summary = await readSummary(join(path, 'results.json'))
  const rows = summary && (await readRows(join(path, 'per-question.jsonl')))
  const curves = await curvesOf(await trainingsOf(path))
  const rewards = await rewardsOf(path, manifest, onWarning)
  const ranking = manifest.command === 'sweep' ? await options.readRanking?.(path) : undefined
  const pilot = manifest.command === 'pilot' ? await options.readPilot?.(path) : undefined
  if (
    pilot === undefined &&
    summary === undefined &&
    curves.length === 0 &&
    rewards === undefined &&
    ranking === undefined
  ) {
    throw new InputError(
      `${path} has no results, no metrics.jsonl and no RL data yet; give a run of evaluate, train, sft, sweep, pilot, generate or demo`,
    )
  }
  const examples = summary && rows && record ? await examplesOf(options, record, summary, rows) : undefined
  const run = {
    name,
    facts: factsOf(manifest, record, summary?.coverage),
    warnings: warningsOf(manifest, record, summary?.coverage),
    ...(summary && { summary }),
    ...(rows && { rows }),
    ...(curves.length > 0 && { curves }),
    ...(rewards && { rewards }),
    ...(ranking && { ranking }),
    ...(pilot && { pilot }),
    ...(examples && { examples }),
  }
  return { path, manifest, run }
}

async function readManifest(path: string): Promise<Manifest> {
  await requirePath(path, 'runs', 'folder')
  const file = join(path, 'manifest.json')
  if (!(await exists(file))) {
    throw new InputError(
      `${path} has no manifest.json, so it is not a run directory; give the --out of a run`,
    )
  }
  return readJson(file) as Promise<Manifest>
}

/** `results.json`; an evaluation on RL data has its coverage in it. */
type Results = Summary & { readonly coverage?: readonly Coverage[] }

async function readSummary(file: string): Promise<Results | undefined> {
  if (!(await exists(file))) return undefined
  const summary = (await readJson(file)) as Partial<Results>
  if (Array.isArray(summary.table)) return summary as Results
  throw new InputError(`${file} holds no results; run the evaluation again`)
}

/** The rows of a run, without those of choices that were shuffled over the questions. */
async function readRows(file: string): Promise<EvaluationRow[]> {
  const rows = (await readJsonLines(file)) as EvaluationRow[]
  return rows.filter(({ selector }) => !isSwapped(selector))
}

/** The logs of the training of this folder, or of those in its folders (the demo has several). */
async function trainingsOf(path: string): Promise<Record<string, string>> {
  const folders = (await readdir(path, { withFileTypes: true })).filter((entry) => entry.isDirectory())
  const names = ['', ...folders.map(({ name }) => name).sort()]
  const found: Record<string, string> = {}
  for (const name of names) {
    const file = join(path, name, 'metrics.jsonl')
    if (await exists(file)) found[name || 'policy'] = file
  }
  return found
}

async function rewardsOf(
  path: string,
  manifest: Manifest,
  onWarning: Reporting['onWarning'],
): Promise<RewardDescription | undefined> {
  const own = [RL_DATA_FILES.data, RL_DATA_FILES.journal].map((name) => join(path, name))
  const trained = (manifest['rlData'] ?? []) as readonly string[]
  for (const file of [...own, ...trained]) {
    if (!(await exists(file))) continue
    if (trained.includes(file) && !Object.values(manifest.inputs).includes(await hashFile(file))) {
      onWarning?.(`${file} has changed since ${path} was made from it; its rewards are left out`)
      continue
    }
    const data = await readRlData(file)
    const has = (is: (candidate: RlCandidate) => boolean): boolean =>
      data.queries.some((query) => query.pointer_candidates.some(is))
    const expectedAlone = !has(isScored)
    if (expectedAlone && !has((one) => typeof one.vqa_gt_prob === 'number')) continue
    return describeRewards(measuredQueries(data, { allowFallback: true, expectedAlone }).queries)
  }
  return undefined
}

/** Numbers of shots that the browser of examples may be about, the best first. */
const EXAMPLE_SHOTS = [2, 1, 3, 4]

async function examplesOf(
  options: ReadRunOptions,
  record: EvaluationRecord,
  { table }: Summary,
  rows: readonly EvaluationRow[],
): Promise<ReportExamples | undefined> {
  const { focus } = record
  const has = (selector: string, shots: number): boolean =>
    table.some((row) => row.selector === selector && row.shots === shots)
  const shots = EXAMPLE_SHOTS.find((k) => has(focus, k) && has('random', k))
  if (focus === 'random' || shots === undefined || options.limit === 0) return undefined
  if (record.dataset === null || record.pool === null) return undefined
  const queries = await options.openDataset?.(record.dataset, 'dataset')
  const library = await options.openDataset?.(record.pool, 'pool')
  if (queries === undefined || library === undefined) return undefined
  const asked = new Set(rows.map(({ query }) => query))
  return examplesWithImages(
    {
      queries: queries.examples.filter(({ id }) => asked.has(id)),
      library: library.examples,
      rows,
      shots,
      focus,
      against: bestBaseline(table, focus, shots) ?? 'random',
      others: ['random', 'oracle'].filter((name) => has(name, shots)),
      more: [...new Set(table.map(({ selector }) => selector))].filter((name) => has(name, shots)),
      limit: options.limit,
      imageBytes: options.imageBytes,
    },
    options.thumbnail,
    options,
  )
}

/** The baseline that the differences of the focus are against. */
function bestBaseline(table: Summary['table'], focus: string, shots: number): string | undefined {
  const row = table.find((one) => one.selector === focus && one.shots === shots)
  return row?.comparisons.find(({ role }) => role === BEST_BASELINE)?.baseline
}

/** A short name for each run: the last part of its path, or the path where two end alike. */
export function runNames(paths: readonly string[]): string[] {
  const names = paths.map((path) => basename(resolve(path)))
  return names.map((name, i) => (names.indexOf(name) === names.lastIndexOf(name) ? name : paths[i]!))
}
