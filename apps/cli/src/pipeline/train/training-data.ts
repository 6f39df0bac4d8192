import { hashFile, hashOf, InputError } from '@lever/durable-files'
import type { TrainingData } from '@lever/grpo-trainer'
import type { Group, GroupOptions, RlCandidate, RlData, RlMeta, Split, SplitItem } from '@lever/rl-dataset'
import { requirePath } from '../../files.ts'
import { readPoolFile, withPools } from '../beams/beam-pools.ts'
import { readEmbeddings } from '../inputs/embeddings.ts'
import type { EmbeddingSet } from '../inputs/embeddings.ts'

export interface TrainingFiles {
  /** RL data; several files are trained on jointly. */
  readonly rlData: readonly string[]
  /** Embeddings of the examples that pools refer to. */
  readonly embeddings: string
  /** Embeddings of the queries, when they are of another dataset. */
  readonly queryEmbeddings?: string | undefined
  readonly rewards: GroupOptions
  /** Pools of the queries, for files of beams that name none. */
  readonly poolFile?: string | undefined
  /** Share of the queries kept for validation, whole images; 0 for none. Without effect where the data name the parts. */
  readonly validation: number
  /** `image`: split whole images although the data name the parts (default `data`). */
  readonly splitBy?: 'data' | 'image' | undefined
  readonly seed: number
}

export interface LoadedTraining {
  readonly data: TrainingData
  readonly dim: number
  /** SHA-256 of every file, by its role. */
  readonly hashes: Readonly<Record<string, string>>
  /** For the checkpoints. */
  readonly info: { dataHash: string; protocolHash?: string; pool?: unknown }
  /** What was left out, by reason. */
  readonly dropped: ReadonlyMap<string, number>
  /** Are all pointers InfoScore beams? */
  readonly beams: boolean
  /** Queries whose pool is the union of their pointers, since neither the data nor a file of pools gives one. */
  readonly poolsFromPointers: number
  /** With `rewards.prefixes`: how many pointers are prefixes of measured ones, by their number of demonstrations. */
  readonly prefixes: ReadonlyMap<number, number>
  /** Do the data say what is validated on? */
  readonly splitByData: boolean
}

/**
 * Reads RL data and embeddings into groups, split by image into training and validation. All queries of the data are split,
 * also those that the rewards leave out, so that two trainings of one seed validate on the same images.
 * @throws InputError for files that are missing, malformed, or of different protocols, ids without a
 * row, beams where answers are to be rewarded, and when no group is left
 */
export async function loadTraining({
  rlData,
  embeddings,
  queryEmbeddings,
  rewards,
  poolFile,
  validation,
  splitBy,
  seed,
}: TrainingFiles): Promise<LoadedTraining> {
  for (const path of rlData) await requirePath(path, '--rl-data')
  await requirePath(embeddings, '--embeddings')
  if (queryEmbeddings !== undefined) await requirePath(queryEmbeddings, '--query-embeddings')
  const { buildGroups, splitByImage } = await import('@lever/rl-dataset')
  const { readRlData } = await import('@lever/rl-dataset/node')
  const candidates = await readEmbeddings(embeddings)
  const queries = queryEmbeddings === undefined ? candidates : await readEmbeddings(queryEmbeddings)
  const dropped = new Map<string, number>()
  const hashes: Record<string, string> = { embeddings: await hashFile(embeddings) }
  if (queryEmbeddings !== undefined) hashes['query-embeddings'] = await hashFile(queryEmbeddings)
  const pools = poolFile === undefined ? undefined : await readPoolFile(poolFile)
  if (poolFile !== undefined) hashes['pool-file'] = await hashFile(poolFile)
  const metas: (RlMeta | null)[] = []
  let allBeams = true
  let poolsFromPointers = 0
  const prefixes = new Map<number, number>()
  const groups: Group[] = []
  const queriesOfData: SplitItem[] = []
  for (const [i, path] of rlData.entries()) {
    const read = await readRlData(path)
    const data = pools === undefined ? read : withPools(read, pools, path)
    const beams = data.queries.some(
      ({ pointer_candidates: [first] }) => first?.gen_method === 'infoscore_beam',
    )
    const { reward: asked } = rewards
    if (asked !== undefined && !('mode' in asked && asked.mode === 'legacy') && isBeamFile(data)) {
      throw new InputError(
        `${path} is a file of InfoScore beams, which have no answers to reward; imitate them with lever sft (--reward-mode legacy --reward-alpha 1 takes the InfoScore itself for the reward)`,
      )
    }
    const reward =
      beams && rewards.reward === undefined ? { reward: { mode: 'legacy' as const, alpha: 1 } } : {}
    const built = buildGroups(data, indexOf(candidates), {
      ...rewards,
      ...reward,
      ...(beams && { prefixes: false }),
      queryIndex: indexOf(queries),
      file: path,
    })
    for (const [reason, count] of built.dropped) dropped.set(reason, (dropped.get(reason) ?? 0) + count)
    groups.push(...built.groups)
    allBeams &&= beams
    poolsFromPointers += built.poolsFromPointers
    for (const [k, count] of built.prefixes) prefixes.set(k, (prefixes.get(k) ?? 0) + count)
    for (const { query_id, query } of data.queries)
      queriesOfData.push({ queryId: query_id, imageId: query.image_id ?? null })
    metas.push(data.meta)
    hashes[i === 0 ? 'rl-data' : `rl-data-${i + 1}`] = await hashFile(path)
  }
  if (groups.length === 0) {
    const reasons = Array.from(dropped, ([reason, count]) => `${count} ${reason}`).join(', ')
    throw new InputError(
      `no query of ${rlData.join(', ')} can be trained on (left out: ${reasons || 'there is none'}); see lever data describe`,
    )
  }
  const protocolHash = oneProtocol(rlData, metas)
  const split = splitByImage(queriesOfData, {
    seed,
    validation,
    meta: splitBy === 'image' ? null : partsOf(rlData, metas),
    file: rlData.join(', '),
  })
  const outside = { 'questions of the test_ids': split.test, 'questions in no part': split.unassigned }
  for (const [reason, { length }] of Object.entries(outside)) if (length > 0) dropped.set(reason, length)
  const pool = metas[0]?.['pool']
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
    },
    dropped,
    beams: allBeams,
    poolsFromPointers,
    prefixes,
    splitByData: split.by === 'meta',
  }
}

/** The parts that files name, together. @throws InputError when some name theirs and some do not */
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
  const isBeam = ({ gen_method }: RlCandidate): boolean => gen_method === 'infoscore_beam'
  return queries.length > 0 && queries.every(({ pointer_candidates: candidates }) => candidates.every(isBeam))
}

/** The groups of a part of the queries. */
function groupsOf(split: Split<SplitItem>, part: 'train' | 'validation', groups: readonly Group[]): Group[] {
  const ids = new Set(split[part].map(({ queryId }) => queryId))
  const own = groups.filter(({ queryId }) => ids.has(queryId))
  return split.by === 'image' ? own.sort((a, b) => a.queryId - b.queryId) : own
}

function indexOf({ ids, dim }: EmbeddingSet): { ids: readonly number[]; rows: number; dim: number } {
  return { ids, rows: ids.length, dim }
}

function oneProtocol(files: readonly string[], metas: readonly (RlMeta | null)[]): string | undefined {
  const hashes = metas.map((meta) => meta?.protocol?.hash)
  const other = hashes.findIndex((hash) => hash !== hashes[0])
  if (other < 0) return hashes[0]
  throw new InputError(
    `${files[0]!} and ${files[other]!} were measured under different protocols; train on data of one protocol`,
  )
}
