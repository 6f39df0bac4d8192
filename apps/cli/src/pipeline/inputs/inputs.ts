import { hashFile, InputError } from '@lever/durable-files'
import type { Pools } from '@lever/rl-generate'
import type { Embeddings } from '@lever/tensor-files'
import type { Dataset, Example } from '@lever/vqa-dataset'
import { exists, requirePath } from '../../files.ts'
import type { Progress } from '@lever/terminal'
import type { DatasetPlace } from './dataset.ts'
import { openDataset, openTogether, partOf, sampleExamples } from './dataset.ts'
import type { Features } from './features.ts'
import { readEmbeddings } from './features.ts'
import { openPools } from './pools.ts'
import type { PoolSettings } from './pools.ts'

export interface InputSettings extends PoolSettings {
  readonly place: DatasetPlace
  /** Undefined: the dataset is its own pool. */
  readonly poolPlace: DatasetPlace | undefined
  readonly queries: number | undefined
}

export interface Inputs {
  readonly dataset: Dataset
  readonly pool: Dataset
  readonly queries: readonly Example[]
  readonly features: Features | undefined
  readonly pools: Pools
  readonly hashes: Record<string, string>
}

/**
 * Reads datasets and embeddings and makes the pools.
 * @throws InputError for what is missing, malformed or does not belong together
 */
export async function openInputs(settings: InputSettings, progress: Progress): Promise<Inputs> {
  const { place, poolPlace, queries: count, seed, poolFile } = settings
  const { whole, wholePool } = await openBoth(place, poolPlace, progress)
  const features = await openFeatures(settings, whole, wholePool)
  const skips = place.skipMissingImages === true && features !== undefined
  const dataset = skips ? withRows(whole, features.queries, progress) : whole
  const ownPool = poolPlace === undefined ? dataset : wholePool
  const pool = skips && poolPlace !== undefined ? withRows(wholePool, features.candidates, progress) : ownPool
  const queries = await sampleExamples(dataset.examples, count, seed)
  if (count !== undefined && count > dataset.examples.length) {
    progress.warn(`--queries ${count}: the dataset has ${dataset.examples.length} questions; all are taken`)
  }
  const candidateFlag = settings.poolEmbeddings === undefined ? '--embeddings' : '--pool-embeddings'
  const isThere = poolFile !== undefined && (await exists(poolFile))
  if (features !== undefined) {
    requireRows(features.queries, queries, '--embeddings')
    if (!isThere) requireRows(features.candidates, pool.examples, candidateFlag)
  }
  const pools = await openPools(settings, { dataset, pool, queries, features }, progress)
  if (features !== undefined && poolFile !== undefined) {
    const used = new Set([...pools.byQuery.values()].flat())
    const examples = pool.examples.filter(({ id }) => used.has(id))
    requireRows(features.candidates, examples, candidateFlag)
  }
  const hashes = {
    dataset: dataset.hash,
    pool: pool.hash,
    ...(poolFile !== undefined && { pools: await hashFile(poolFile) }),
  }
  return { dataset, pool, queries, features, pools, hashes }
}

async function openBoth(
  place: DatasetPlace,
  poolPlace: DatasetPlace | undefined,
  progress: Progress,
): Promise<{ readonly whole: Dataset; readonly wholePool: Dataset }> {
  const one = await openDataset(place, progress)
  const other = poolPlace && (await openDataset(poolPlace, progress, '--pool-'))
  const [whole, wholePool = whole] = await openTogether(other ? [one, other] : [one], progress)
  return { whole: whole!, wholePool: wholePool! }
}

/** A dataset without the examples that `lever embed --skip-unreadable-images` left out. */
function withRows(dataset: Dataset, { ids }: Embeddings, progress: Progress): Dataset {
  const rows = new Set(ids)
  const part = partOf(dataset, ({ id }) => rows.has(id))
  const left = dataset.examples.length - part.examples.length
  if (left === 0 || part.examples.length === 0) return dataset
  progress.warn(`${left} questions without a row in the embeddings are left out`)
  return part
}

/** Reads the embeddings of queries and pool; undefined when none are given. */
async function openFeatures(
  { embeddings, poolEmbeddings }: { embeddings: string | undefined; poolEmbeddings: string | undefined },
  dataset: Dataset,
  pool: Dataset,
): Promise<Features | undefined> {
  if (embeddings === undefined) return undefined
  await requirePath(embeddings, '--embeddings')
  const ids = (examples: readonly Example[]): number[] => examples.map(({ id }) => id)
  const queries = await readEmbeddings(embeddings, ids(dataset.examples))
  if (poolEmbeddings === undefined && dataset === pool) return { queries, candidates: queries }
  if (poolEmbeddings === undefined) {
    throw new InputError(
      '--embeddings are those of the queries; give those of the pool too, with --pool-embeddings',
    )
  }
  await requirePath(poolEmbeddings, '--pool-embeddings')
  const candidates = await readEmbeddings(poolEmbeddings, ids(pool.examples))
  const { checkOneEmbedder } = await import('@lever/tensor-files')
  checkOneEmbedder({ queries, candidates }, { queries: '--embeddings', candidates: '--pool-embeddings' })
  if (queries.dim !== candidates.dim || queries.kind !== candidates.kind) {
    throw new InputError(
      `--embeddings have ${queries.dim} columns (${queries.kind}) and --pool-embeddings ${candidates.dim} (${candidates.kind}); embed both datasets with one model`,
    )
  }
  return { queries, candidates }
}

/** @throws InputError if an example has no row, before a run directory is made */
function requireRows({ ids }: Embeddings, examples: readonly Example[], flag: string): void {
  const rows = new Set(ids)
  const missing = examples.filter(({ id }) => !rows.has(id))
  if (missing.length === 0) return
  throw new InputError(
    `${flag} have no row for example ${missing[0]!.id} (${missing.length} of ${examples.length} are missing); embed this dataset (lever embed)`,
  )
}
