import { readdir } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { hashFile, InputError } from '@lever/durable-files'
import type { Manifest } from '@lever/durable-files'
import type {
  Coverage,
  EvaluationRow,
  ReportExamples,
  ReportRun,
  RewardDescription,
  Summary,
} from '@lever/icl-eval'
import type { VqaExample } from '@lever/vqa-dataset'
import { exists, readJson, readJsonLines, requirePath } from '../../files.ts'
import type { Progress } from '../../progress.ts'
import { curvesOf } from './curves.ts'
import type { DatasetPlace } from '../inputs/dataset.ts'
import { openDataset } from '../inputs/dataset.ts'
import type { DatasetRecord, EvaluationRecord } from '../evaluate/record.ts'
import { factsOf, warningsOf } from './report-facts.ts'
import { readRanking } from './report-sweep.ts'
import { examplesWithImages } from './thumbnails.ts'

/** A run directory as the report shows it. */
export interface RunContent {
  readonly path: string
  readonly manifest: Manifest
  readonly run: ReportRun
}

export interface ReadRunOptions {
  readonly path: string
  readonly name: string
  /** Questions in the browser of examples, at most; 0 for none. */
  readonly limit: number
  /** Room for their images in the page, in bytes. */
  readonly imageBytes: number
  /** Where the datasets lie, when not where the run found them. */
  readonly place?: DatasetPlace | undefined
  readonly poolPlace?: DatasetPlace | undefined
  readonly progress: Progress
  readonly signal: AbortSignal
}

/**
 * Reads everything that a run directory holds and a report can show: results and answers, training
 * curves, measured rewards, the ranking of a sweep.
 * @throws InputError for a folder that is no run directory, or holds nothing to report
 */
export async function readRun(options: ReadRunOptions): Promise<RunContent> {
  const { name, progress } = options
  const path = resolve(options.path)
  const manifest = await readManifest(path)
  const record = manifest['evaluated'] as EvaluationRecord | undefined
  const summary = await readSummary(join(path, 'results.json'))
  const rows = summary && (await readRows(join(path, 'per-question.jsonl')))
  const curves = await curvesOf(await trainingsOf(path))
  const rewards = await rewardsOf(path, manifest, progress)
  const ranking = manifest.command === 'sweep' ? await readRanking(path) : undefined
  if (summary === undefined && curves.length === 0 && rewards === undefined && ranking === undefined) {
    throw new InputError(
      `${path} has no results, no metrics.jsonl and no RL data yet; give a run of evaluate, train, sft, sweep, generate or demo`,
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
    ...(examples && { examples }),
  }
  return { path, manifest, run }
}

async function readManifest(path: string): Promise<Manifest> {
  await requirePath(path, 'runs', 'folder')
  const file = join(path, 'manifest.json')
  if (!(await exists(file))) {
    throw new InputError(`${path} has no manifest.json: it is no run directory; give the --out of a run`)
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

async function readRows(file: string): Promise<EvaluationRow[]> {
  return (await readJsonLines(file)) as EvaluationRow[]
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
  progress: Progress,
): Promise<RewardDescription | undefined> {
  const { RL_DATA_FILES } = await import('@lever/rl-generate')
  const own = [RL_DATA_FILES.data, RL_DATA_FILES.journal].map((name) => join(path, name))
  const trained = (manifest['rlData'] ?? []) as readonly string[]
  for (const file of [...own, ...trained]) {
    if (!(await exists(file))) continue
    if (trained.includes(file) && !Object.values(manifest.inputs).includes(await hashFile(file))) {
      progress.warn(`${file} has changed since ${path} was made from it; its rewards are left out`)
      continue
    }
    const { describeRewards, measuredQueries } = await import('@lever/icl-eval')
    const { isScored } = await import('@lever/rl-dataset')
    const { readRlData } = await import('@lever/rl-dataset/node')
    const data = await readRlData(file)
    if (!data.queries.some((query) => query.pointer_candidates.some(isScored))) continue
    return describeRewards(measuredQueries(data, { allowFallback: true }).queries)
  }
  return undefined
}

async function examplesOf(
  options: ReadRunOptions,
  record: EvaluationRecord,
  { table }: Summary,
  rows: readonly EvaluationRow[],
): Promise<ReportExamples | undefined> {
  const { focus } = record
  const has = (selector: string, shots: number): boolean =>
    table.some((row) => row.selector === selector && row.shots === shots)
  const shots = [2, 1, 3, 4].find((k) => has(focus, k) && has('random', k))
  if (focus === 'random' || shots === undefined || options.limit === 0) return undefined
  if (record.dataset === null || record.pool === null) return undefined
  const queries = await examplesFrom(record.dataset, options.place, options.progress)
  const library = await examplesFrom(record.pool, options.poolPlace ?? options.place, options.progress)
  if (queries === undefined || library === undefined) return undefined
  const asked = new Set(rows.map(({ query }) => query))
  const stage = options.progress.stage('thumbnails', { unit: 'images' })
  const examples = await examplesWithImages(
    {
      queries: queries.filter(({ id }) => asked.has(id)),
      library,
      rows,
      shots,
      focus,
      against: 'random',
      others: ['oracle'].filter((name) => has(name, shots)),
      limit: options.limit,
      imageBytes: options.imageBytes,
    },
    stage,
    options.signal,
  )
  stage.end()
  return examples
}

async function examplesFrom(
  { files, hash }: DatasetRecord,
  place: DatasetPlace | undefined,
  progress: Progress,
): Promise<readonly VqaExample[] | undefined> {
  if (place === undefined && !(await exists(files.questions ?? ''))) {
    progress.warn(`${files.questions ?? 'the dataset'} is gone, so there are no examples; give --dataset`)
    return undefined
  }
  const dataset = await openDataset(place ?? files, progress)
  if (dataset.hash === hash) return dataset.examples
  progress.warn(
    `the dataset in ${place?.dataset ?? files.questions!} is not the one of the run; there are no examples`,
  )
  return undefined
}

/** A short name for each run: the last part of its path, or the path where two end alike. */
export function runNames(paths: readonly string[]): string[] {
  const names = paths.map((path) => basename(resolve(path)))
  return names.map((name, i) => (names.indexOf(name) === names.lastIndexOf(name) ? name : paths[i]!))
}
