import { hashBytes, hashFile, hashOf, InputError, requirePath } from '@lever/durable-files'
import type { BuiltGroups, Group, GroupOptions, RlCandidate, RlData, RlMeta } from '@lever/rl-dataset'
import type { Split, SplitItem } from '@lever/rl-dataset'
import { BEAM_METHOD, buildGroups, encodeRlData, splitByImage } from '@lever/rl-dataset'
import { readRlData } from '@lever/rl-dataset/node'
import { checkOneEmbedder, readEmbeddings } from '@lever/tensor-files'
import type { CheckpointInfo, Columns, EmbedderFacts } from '@lever/pointer-model'
import type { Embeddings } from '@lever/tensor-files'
import type { TrainingData } from '../data.ts'
import { columnsOf } from '../floor/baselines.ts'
import { withPools } from './label-pools.ts'
import type { ReadPools } from './label-pools.ts'

/** The files that a training reads, and how their outcomes become groups. */
export interface TrainingFiles {
  /** RL data; several files are trained on jointly. */
  readonly rlData: readonly string[]
  /** Data beside or in place of the files, such as the labels of `agreementLabels`. */
  readonly labels?: RlData | undefined
  /** Embeddings of the examples that pools refer to. */
  readonly embeddings: string
  /** Embeddings of the queries, when they are of another dataset. */
  readonly queryEmbeddings?: string | undefined
  readonly rewards: GroupOptions
  /** Pools of the queries, for files of beams that name none; needs `readPools`. */
  readonly poolFile?: string | undefined
  readonly readPools?: ReadPools | undefined
  /** Share of the queries kept for validation, whole images; 0 for none. Without effect where the data name the parts. */
  readonly validation: number
  /** `image`: split whole images although the data name the parts (default `data`). */
  readonly splitBy?: 'data' | 'image' | undefined
  readonly seed: number
}

/** Groups and embeddings read from files, and what is known of them. */
export interface LoadedTraining {
  readonly data: TrainingData
  /** D */
  readonly dim: number
  /** SHA-256 of every file, by its role. */
  readonly hashes: Readonly<Record<string, string>>
  /** For the checkpoints. */
  readonly info: Pick<CheckpointInfo, 'protocolHash' | 'pool' | 'embeddings' | 'labels'> & {
    dataHash: string
  }
  /** What was left out, by reason. */
  readonly dropped: ReadonlyMap<string, number>
  /** Are all pointers InfoScore beams? */
  readonly beams: boolean
  /** Queries whose pool is the union of their pointers, since neither the data nor a file of pools gives one. */
  readonly poolsFromPointers: number
  /** With `rewards.prefixes`: how many pointers are prefixes of measured ones, by their number of demonstrations. */
  readonly prefixes: ReadonlyMap<number, number>
  /** Columns of the embeddings by what they are of. */
  readonly columns: Readonly<Record<string, Columns>>
  /** Do the data say what is validated on? */
  readonly splitByData: boolean
}

/**
 * Reads RL data and embeddings into groups, split by image into training and validation. All queries of the data are split,
 * also those that the rewards leave out, so that two trainings of one seed validate on the same images.
 * @throws InputError if files are missing, malformed, or of different protocols, an id has no row, beams are to be rewarded as
 * answers, or no group is left
 */
export async function loadTraining(files: TrainingFiles): Promise<LoadedTraining> {
  const { validation, splitBy, seed } = files
  const rlData = namesOf(files)
  const { candidates, queries, pools, hashes: inputs } = await readInputs(files)
  const hashes: Record<string, string> = { ...inputs }
  const read: ReadGroups[] = []
  for (const [i, name] of rlData.entries()) {
    const { data, hash } = await readSource(files, i)
    read.push(
      groupsOfFile(pools === undefined ? data : withPools(data, pools, name), name, files, [
        candidates,
        queries,
      ]),
    )
    hashes[i === 0 ? 'rl-data' : `rl-data-${i + 1}`] = hash
  }
  const dropped = sumOf(read.map(({ built }) => built.dropped))
  const groups = read.flatMap(({ built }) => built.groups)
  if (groups.length === 0) {
    const reasons = Array.from(dropped, ([reason, count]) => `${count} ${reason}`).join(', ')
    throw new InputError(
      `no query of ${rlData.join(', ')} can be trained on (left out: ${reasons || 'there is none'}); see lever data describe`,
    )
  }
  const metas = read.map(({ data }) => data.meta)
  const protocolHash = oneProtocol(rlData, metas)
  const split = splitByImage(
    read.flatMap(({ data }) =>
      data.queries.map(({ query_id, query }) => ({ queryId: query_id, imageId: query.image_id ?? null })),
    ),
    {
      seed,
      validation,
      meta: splitBy === 'image' ? null : partsOf(rlData, metas),
      file: rlData.join(', '),
    },
  )
  const outside = { 'questions of the test_ids': split.test, 'questions in no part': split.unassigned }
  for (const [reason, { length }] of Object.entries(outside)) if (length > 0) dropped.set(reason, length)
  const pool = metas[0]?.['pool']
  const labels = metas[0]?.['labels']
  const isLabelled = typeof labels === 'string' && metas.every((meta) => meta?.['labels'] === labels)
  return {
    data: {
      groups: groupsOf(split, 'train', groups),
      validation: groupsOf(split, 'validation', groups),
      embeddings: candidates,
      ...(queries !== candidates && { queryEmbeddings: queries }),
    },
    dim: candidates.dim,
    hashes,
    info: {
      dataHash: hashOf(hashes),
      ...(protocolHash !== undefined && { protocolHash }),
      ...(pool !== undefined && { pool }),
      ...(candidates.modelHash !== '' && { embeddings: embedderOf(candidates) }),
      ...(isLabelled && { labels }),
    },
    dropped,
    beams: read.every(({ beams }) => beams),
    poolsFromPointers: read.reduce((sum, { built }) => sum + built.poolsFromPointers, 0),
    prefixes: sumOf(read.map(({ built }) => built.prefixes)),
    columns: columnsOf(candidates),
    splitByData: split.by === 'meta',
  }
}

function embedderOf({ model, modelHash, kind }: Embeddings): EmbedderFacts {
  return { model, modelHash, kind }
}

/** What messages call the files of RL data, and the data that is in no file. */
function namesOf({ rlData, labels }: TrainingFiles): readonly string[] {
  return labels === undefined ? rlData : [...rlData, 'labels']
}

async function readSource(
  { rlData, labels }: TrainingFiles,
  i: number,
): Promise<{ readonly data: RlData; readonly hash: string }> {
  const path = rlData[i]
  if (path !== undefined) return { data: await readRlData(path), hash: await hashFile(path) }
  return { data: labels!, hash: hashBytes(encodeRlData(labels!).bytes) }
}

interface Inputs {
  readonly candidates: Embeddings
  readonly queries: Embeddings
  readonly pools: Awaited<ReturnType<ReadPools>> | undefined
  readonly hashes: Readonly<Record<string, string>>
}

/** Embeddings and pools. */
async function readInputs({
  rlData,
  embeddings,
  queryEmbeddings,
  poolFile,
  readPools,
}: TrainingFiles): Promise<Inputs> {
  for (const path of rlData) await requirePath(path, '--rl-data')
  await requirePath(embeddings, '--embeddings')
  if (queryEmbeddings !== undefined) await requirePath(queryEmbeddings, '--query-embeddings')
  if (poolFile !== undefined) await requirePath(poolFile, '--pool-file')
  const candidates = await readEmbeddings(embeddings)
  const queries = queryEmbeddings === undefined ? candidates : await readEmbeddings(queryEmbeddings)
  checkOneEmbedder({ queries, candidates }, { queries: '--query-embeddings', candidates: '--embeddings' })
  return {
    candidates,
    queries,
    pools: poolFile === undefined ? undefined : await readPools!(poolFile),
    hashes: {
      embeddings: await hashFile(embeddings),
      ...(queryEmbeddings !== undefined && { 'query-embeddings': await hashFile(queryEmbeddings) }),
      ...(poolFile !== undefined && { 'pool-file': await hashFile(poolFile) }),
    },
  }
}

interface ReadGroups {
  readonly data: RlData
  readonly built: BuiltGroups
  /** Does it hold InfoScore beams? */
  readonly beams: boolean
}

/** The groups of one file. Without `rewards.reward` beams are rewarded by their InfoScore. */
function groupsOfFile(
  data: RlData,
  path: string,
  { rewards }: Pick<TrainingFiles, 'rewards'>,
  [candidates, queries]: readonly [Embeddings, Embeddings],
): ReadGroups {
  const { reward } = rewards
  if (reward !== undefined && !('mode' in reward && reward.mode === 'legacy') && isBeamFile(data)) {
    throw new InputError(
      `${path} is a file of InfoScore beams, which have no answers to reward; imitate them with lever sft (--reward-mode legacy --reward-alpha 1 takes the InfoScore itself for the reward)`,
    )
  }
  const beams = data.queries.some(({ pointer_candidates: [first] }) => first?.gen_method === BEAM_METHOD)
  const built = buildGroups(data, candidates, {
    ...rewards,
    ...(beams && reward === undefined && { reward: { mode: 'legacy' as const, alpha: 1 } }),
    ...(beams && { prefixes: false }),
    queryEmbeddings: queries,
    file: path,
  })
  return { data, built, beams }
}

/** Counts by reason, added up over files. */
function sumOf<K>(maps: readonly ReadonlyMap<K, number>[]): Map<K, number> {
  const sums = new Map<K, number>()
  for (const map of maps) for (const [key, count] of map) sums.set(key, (sums.get(key) ?? 0) + count)
  return sums
}

/** The parts that files name, together. @throws InputError if some name theirs and some do not */
function partsOf(files: readonly string[], metas: readonly (RlMeta | null)[]): RlMeta | null {
  const keys = ['train_ids', 'val_ids', 'test_ids'] as const
  const isNamed = metas.map((meta) => keys.some((key) => meta?.[key] !== undefined))
  if (!isNamed.includes(true)) return null
  if (isNamed.includes(false)) {
    throw new InputError(
      `${files[isNamed.indexOf(true)]!} names the questions to train and to validate on (${keys.join(', ')}), and ${files[isNamed.indexOf(false)]!} does not; name them in both, or split anew with --split-by image`,
    )
  }
  return Object.fromEntries(keys.map((key) => [key, metas.flatMap((meta) => meta?.[key] ?? [])]))
}

/** Are all pointers InfoScore beams? They have no answers. */
function isBeamFile({ queries }: RlData): boolean {
  const isBeam = ({ gen_method }: RlCandidate): boolean => gen_method === BEAM_METHOD
  return queries.length > 0 && queries.every(({ pointer_candidates: candidates }) => candidates.every(isBeam))
}

/** The groups of a part of the queries. */
function groupsOf(split: Split<SplitItem>, part: 'train' | 'validation', groups: readonly Group[]): Group[] {
  const ids = new Set(split[part].map(({ queryId }) => queryId))
  const own = groups.filter(({ queryId }) => ids.has(queryId))
  return split.by === 'image' ? own.sort((a, b) => a.queryId - b.queryId) : own
}

function oneProtocol(files: readonly string[], metas: readonly (RlMeta | null)[]): string | undefined {
  const hashes = metas.map((meta) => meta?.protocol?.hash)
  const other = hashes.findIndex((hash) => hash !== hashes[0])
  if (other < 0) return hashes[0]
  throw new InputError(
    `${files[0]!} and ${files[other]!} were measured under different protocols; train on data of one protocol`,
  )
}
