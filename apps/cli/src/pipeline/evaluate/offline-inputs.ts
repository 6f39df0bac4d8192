import { hashFile, InputError } from '@lever/durable-files'
import type { MeasuredQuery } from '@lever/icl-eval'
import type { RlMeta } from '@lever/rl-dataset'
import type { VqaDataset, VqaExample } from '@lever/vqa-dataset'
import { requirePath } from '../../files.ts'
import type { Progress } from '../../progress.ts'
import type { DatasetPlace } from '../inputs/dataset.ts'
import { filesOf, openDataset } from '../inputs/dataset.ts'
import type { EmbeddingSet } from '../inputs/embeddings.ts'
import { readEmbeddings } from '../inputs/embeddings.ts'
import type { Features } from '../inputs/features.ts'
import { sourceWarnings } from '../inputs/input-warnings.ts'
import { datasetRecord } from './record.ts'
import type { DatasetRecord, ProtocolRecord } from './record.ts'

export interface OfflineInputSettings {
  /** RL data with measured pointers. */
  readonly rlData: string
  /** The dataset of the queries; without one there are no texts, images and answers. */
  readonly place: DatasetPlace
  readonly poolPlace: DatasetPlace | undefined
  readonly embeddings: string | undefined
  readonly poolEmbeddings: string | undefined
  readonly shots: readonly number[]
  readonly allowFallback: boolean
}

/** Measured rewards, and what is known of their examples. */
export interface OfflineInputs {
  readonly queries: readonly MeasuredQuery[]
  /** Numbers of demonstrations that were asked for and measured. */
  readonly shots: readonly number[]
  readonly features: Features | undefined
  readonly dataset: DatasetRecord | null
  readonly pool: DatasetRecord | null
  readonly split: string
  readonly protocol: ProtocolRecord | null
  readonly hashes: Readonly<Record<string, string>>
}

/**
 * Reads RL data, and the datasets and embeddings that belong to it.
 * @throws InputError for what is missing, malformed or does not belong together
 */
export async function openOfflineInputs(
  settings: OfflineInputSettings,
  progress: Progress,
): Promise<OfflineInputs> {
  const { rlData, allowFallback } = settings
  await requirePath(rlData, '--from-rl-data')
  const { measuredQueries } = await import('@lever/icl-eval')
  const { readRlData } = await import('@lever/rl-dataset/node')
  const data = await readRlData(rlData)
  const datasets = await openDatasets(settings, progress)
  const { queries, skipped } = measuredQueries(data, {
    examples: examplesOf(datasets.at(-1)),
    queryExamples: examplesOf(datasets.find(({ role }) => role === 'dataset')),
    allowFallback,
  })
  for (const [reason, count] of skipped) progress.info(`left out: ${count} outcomes (${reason})`)
  checkDatasets(queries, datasets, rlData)
  return {
    queries,
    shots: shotsOf(queries, settings),
    features: await readFeatures(settings, datasets, progress),
    dataset: datasets[0]?.record ?? null,
    pool: datasets.at(-1)?.record ?? null,
    split: splitOf(data.meta) ?? datasets[0]?.dataset.split ?? 'measured',
    protocol: protocolOf(data.meta),
    hashes: {
      'rl-data': await hashFile(rlData),
      ...Object.fromEntries(datasets.map(({ role, dataset }) => [role, dataset.hash])),
    },
  }
}

interface OpenDataset {
  readonly role: 'dataset' | 'pool'
  readonly dataset: VqaDataset
  readonly record: DatasetRecord
}

function examplesOf(open: OpenDataset | undefined): Map<number, VqaExample> {
  return new Map(open?.dataset.examples.map((example) => [example.id, example]))
}

async function openDatasets(
  { place, poolPlace }: OfflineInputSettings,
  progress: Progress,
): Promise<OpenDataset[]> {
  const found: OpenDataset[] = []
  const add = async (role: OpenDataset['role'], at: DatasetPlace): Promise<void> => {
    const prefix = role === 'dataset' ? '--' : '--pool-'
    const dataset = await openDataset(at, progress, prefix)
    found.push({ role, dataset, record: datasetRecord(dataset, await filesOf(at, prefix)) })
  }
  if (Object.values(place).some((path) => path !== undefined)) await add('dataset', place)
  if (poolPlace !== undefined) await add('pool', poolPlace)
  return found
}

function checkDatasets(
  queries: readonly MeasuredQuery[],
  datasets: readonly OpenDataset[],
  file: string,
): void {
  const first = datasets.find(({ role }) => role === 'dataset')
  if (first === undefined) return
  const ids = new Set(first.dataset.examples.map(({ id }) => id))
  if (queries.some(({ query }) => ids.has(query.id))) return
  throw new InputError(
    `no query of ${file} is in the dataset ${first.dataset.name} ${first.dataset.split}; give the one that it was measured on`,
  )
}

function shotsOf(queries: readonly MeasuredQuery[], { shots, rlData }: OfflineInputSettings): number[] {
  const measured = new Set(queries.flatMap(({ outcomes }) => outcomes.map(({ ids }) => ids.length)))
  const both = shots.filter((count) => count === 0 || measured.has(count))
  if (both.some((count) => count > 0)) return both
  throw new InputError(
    `${rlData} has pointers of ${[...measured].sort().join(' and ')} demonstrations; give --shots with one of these numbers`,
  )
}

async function readFeatures(
  { embeddings, poolEmbeddings }: OfflineInputSettings,
  datasets: readonly OpenDataset[],
  progress: Progress,
): Promise<Features | undefined> {
  if (embeddings === undefined) return undefined
  const read = async (path: string, flag: string, role: OpenDataset['role']): Promise<EmbeddingSet> => {
    await requirePath(path, flag)
    const dataset = datasets.find((one) => one.role === role)?.dataset
    const set = await readEmbeddings(
      path,
      dataset?.examples.map(({ id }) => id),
    )
    if (dataset) for (const warning of sourceWarnings(set, dataset, flag)) progress.warn(warning)
    return set
  }
  const queries = await read(embeddings, '--embeddings', 'dataset')
  if (poolEmbeddings === undefined) return { queries, candidates: queries }
  return { queries, candidates: await read(poolEmbeddings, '--pool-embeddings', 'pool') }
}

function splitOf(meta: RlMeta | null): string | undefined {
  const dataset: unknown = meta?.dataset
  if (typeof dataset !== 'object' || dataset === null || !('split' in dataset)) return undefined
  return typeof dataset.split === 'string' ? dataset.split : undefined
}

function protocolOf(meta: RlMeta | null): ProtocolRecord | null {
  const protocol = meta?.protocol as Partial<ProtocolRecord> | undefined
  if (protocol?.hash === undefined) return null
  const { model = 'unknown', backend = 'unknown', template = 'unknown', metric = 'unknown', hash } = protocol
  return { model, backend, template, metric, hash }
}
