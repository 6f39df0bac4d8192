import { InputError } from '@lever/durable-files'
import type { Embeddings } from '@lever/tensor-files'
import { refuseUnknownOptions, type OptionNames, pickOptions } from '@lever/durable-files/known-options'
import { GROUP_REWARD_OPTIONS, type GroupRewardOptions } from './group-rewards.ts'
import { prefixesOf, rewardsWithPrefixes } from './prefixes.ts'
import { candidateFilter, type SelectOptions, SELECT_OPTIONS } from './select.ts'
import { pointerIds, type RlCandidate, type RlData, type RlQuery } from './types.ts'

/** The pointers measured for one query, ready for training. N pool, G pointers, K shots. */
export interface Group {
  readonly queryId: number
  readonly imageId: number | string | null
  /** Row of the query in the embeddings. */
  readonly queryRow: number
  /** [N] ids of the pool. */
  readonly poolIds: readonly number[]
  /** [N] rows of the pool in the embeddings. */
  readonly poolRows: Int32Array
  /** [G*K] positions in the pool, pointer after pointer; -1 after the end of a prefix (`GroupOptions.prefixes`). */
  readonly pointers: Int32Array
  /** G */
  readonly size: number
  /** K */
  readonly shots: number
  /** [G] normalised; exact zeros when all raw rewards are equal. */
  readonly rewards: Float64Array
  /** [G] */
  readonly rawRewards: Float64Array
  /** [G] official accuracy, where every pointer has one. */
  readonly accuracies?: Float64Array
  /** [G] expected accuracy (`vqa_gt_prob`), where every pointer has one. */
  readonly expected?: Float64Array
  /** [G], or null unless every pointer has a `logprob_score`. */
  readonly logProbs: Float64Array | null
  /** [G] `gen_method`, or `unknown`. */
  readonly methods: readonly string[]
}

/** Which candidates become groups, and how their outcomes become rewards. */
export interface GroupOptions extends SelectOptions, GroupRewardOptions {
  /**
   * Drop queries without a candidate whose `vqa_correct` is 1. `reward` asks for a raw reward of at least 1 instead, as the
   * original does, which depends on the mode. Default false.
   */
  readonly requirePositiveQuery?: boolean | 'reward'
  /** Drop groups with fewer pointers. Default 2: one pointer is not a group. */
  readonly minSize?: number
  /**
   * Also take the measured beginnings of the pointers: for every outcome in `shots` with k < K the first k demonstrations as
   * a pointer that ends there, with its own reward. For policies that choose how many they want. Default false.
   */
  readonly prefixes?: boolean
  /** Embeddings of the queries, when they are not those of the candidates. */
  readonly queryEmbeddings?: Pick<Embeddings, 'ids'>
  /** Name of the data in messages. */
  readonly file?: string
}

export const GROUP_OPTIONS: OptionNames<GroupOptions> = {
  requirePositiveQuery: true,
  minSize: true,
  prefixes: true,
  queryEmbeddings: true,
  file: true,
  skipFallbackReward: true,
  filterGenMethods: true,
  includeTransferred: true,
  reward: true,
  combine: true,
  shotWeights: true,
  normalize: true,
  clamp: true,
}

/** Groups for training, and what was left out of them. */
export interface BuiltGroups {
  readonly groups: Group[]
  /** What was left out, by reason: `candidate.fallback`, `query.no_positive`, ... */
  readonly dropped: Map<string, number>
  readonly queries: number
  readonly candidates: number
  /** Groups whose rewards are all equal; they are kept and have zero rewards. */
  readonly flat: number
  /** Queries whose pool is the union of their pointers, since the data gives none. */
  readonly poolsFromPointers: number
  /** How many pointers of the groups are prefixes of others, by their number of demonstrations. */
  readonly prefixes: ReadonlyMap<number, number>
}

/**
 * The groups of the data: for each query the pointers as positions in its pool, the pool as rows of the embeddings, raw and
 * normalised rewards. Every id is looked up strictly. Where the data has no pool, it is the sorted union of the ids in the
 * kept pointers of the query, as in the original.
 *
 * @throws InputError if an id has no row, with query and candidate; or when a reward cannot be computed.
 */
export function buildGroups(
  data: RlData,
  embeddings: Pick<Embeddings, 'ids'>,
  options: GroupOptions = {},
): BuiltGroups {
  refuseUnknownOptions(options, GROUP_OPTIONS, 'rl-dataset: buildGroups')
  const {
    requirePositiveQuery = false,
    minSize = 2,
    file = 'RL data',
    queryEmbeddings = embeddings,
  } = options
  if (options.prefixes === true && options.shotWeights !== undefined) {
    throw new InputError(
      `rl-dataset: ${file}: shotWeights put the rewards of the prefixes into that of the whole pointer, so they cannot be pointers of their own too; leave out shotWeights (--shot-weights) or prefixes`,
    )
  }
  const rows = rowsOf(embeddings, file)
  const queryRows = queryEmbeddings === embeddings ? rows : rowsOf(queryEmbeddings, file)
  const dropped = new Map<string, number>()
  const drop = (reason: string): void => void dropped.set(reason, (dropped.get(reason) ?? 0) + 1)
  const reject = candidateFilter(pickOptions(options, SELECT_OPTIONS))
  const groups: Group[] = []
  let candidates = 0
  let flat = 0
  let poolsFromPointers = 0
  const prefixes = new Map<number, number>()

  for (const query of data.queries) {
    candidates += query.pointer_candidates.length
    const kept: RlCandidate[] = []
    for (const candidate of query.pointer_candidates) {
      const reason = reject(candidate)
      if (reason === undefined) kept.push(candidate)
      else drop(`candidate.${reason}`)
    }
    const shorter: RlCandidate[] = []
    for (const prefix of options.prefixes === true ? prefixesOf(kept) : []) {
      const reason = reject(prefix)
      if (reason === undefined) shorter.push(prefix)
      else drop(`prefix.${reason}`)
    }
    const isRight = ({ vqa_correct }: RlCandidate): boolean => vqa_correct === 1
    if (kept.length === 0) drop(query.pointer_candidates.length === 0 ? 'query.empty' : 'query.nothing_left')
    else if (kept.length + shorter.length < minSize) drop('query.single_pointer')
    else if (requirePositiveQuery === true && !kept.some(isRight) && !shorter.some(isRight)) {
      drop('query.no_positive')
    } else {
      const { group, isFlat } = buildGroup(query, kept, shorter, { rows, queryRows, options, file })
      if (requirePositiveQuery === 'reward' && !group.rawRewards.some((reward) => reward >= 1)) {
        drop('query.no_positive')
        continue
      }
      groups.push(group)
      for (const { pointer } of shorter) prefixes.set(pointer.length, (prefixes.get(pointer.length) ?? 0) + 1)
      if (isFlat) flat++
      if (query.candidate_pool_ids === null) poolsFromPointers++
    }
  }
  return { groups, dropped, queries: data.queries.length, candidates, flat, poolsFromPointers, prefixes }
}

interface Lookup {
  readonly rows: Rows
  readonly queryRows: Rows
  readonly options: GroupOptions
  readonly file: string
}

function buildGroup(
  query: RlQuery,
  kept: readonly RlCandidate[],
  shorter: readonly RlCandidate[],
  lookup: Lookup,
): { group: Group; isFlat: boolean } {
  const { rows, queryRows, options, file } = lookup
  const queryId = query.query_id
  const shots = kept[0]!.pointer.length
  const pool = query.candidate_pool_ids
  const poolIds = pool ?? unionOf(kept)
  const positions = pool ? undefined : new Map(poolIds.map((id, position) => [id, position]))
  const where = (id: number): string => {
    const candidate = query.pointer_candidates.findIndex((each) => pointerIds(each).includes(id))
    return candidate < 0 ? `query ${queryId}, candidate_pool_ids` : `query ${queryId}, candidate ${candidate}`
  }

  const poolRows = new Int32Array(poolIds.length)
  for (let i = 0; i < poolRows.length; i++) {
    const row = rows.get(poolIds[i]!)
    if (row === undefined) {
      throw new InputError(
        `rl-dataset: ${file}: ${where(poolIds[i]!)}: id ${poolIds[i]!} has no row in the embeddings (${rows.count} rows); ` +
          `use the embeddings that the data was made with`,
      )
    }
    poolRows[i] = row
  }
  const queryRow = queryRows.get(queryId)
  if (queryRow === undefined) {
    throw new InputError(
      `rl-dataset: ${file}: query ${queryId} has no row in the embeddings (${queryRows.count} rows); ` +
        `use the embeddings that the data was made with`,
    )
  }
  const odd = kept.find(({ pointer }) => pointer.length !== shots)
  if (odd !== undefined) {
    throw new InputError(
      `rl-dataset: ${file}: query ${queryId} has pointers of ${shots} and of ${odd.pointer.length} demonstrations`,
    )
  }
  const members = [...kept, ...shorter]
  const pointers = new Int32Array(members.length * shots).fill(-1)
  members.forEach(({ pointer }, g) => {
    for (let k = 0; k < pointer.length; k++)
      pointers[g * shots + k] = positions ? positions.get(pointer[k]!)! : pointer[k]!
  })

  const { raw, rewards, status } = rewardsWithPrefixes(
    kept,
    shorter,
    pickOptions<GroupRewardOptions>(options, GROUP_REWARD_OPTIONS),
    `${file}: query ${queryId}`,
  )
  const hasLogProbs = members.every(({ logprob_score }) => typeof logprob_score === 'number')
  const group: Group = {
    queryId,
    imageId: query.query.image_id ?? null,
    queryRow,
    poolIds,
    poolRows,
    pointers,
    size: members.length,
    shots,
    rewards,
    rawRewards: raw,
    ...measured('accuracies', members, 'vqa_acc_score'),
    ...measured('expected', members, 'vqa_gt_prob'),
    logProbs: hasLogProbs ? Float64Array.from(members, ({ logprob_score }) => logprob_score as number) : null,
    methods: members.map(({ gen_method }) => gen_method ?? 'unknown'),
  }
  return { group, isFlat: status === 'flat' }
}

/** A field of the outcomes as numbers, if every one of them has it. */
function measured(
  name: 'accuracies' | 'expected',
  members: readonly RlCandidate[],
  field: 'vqa_acc_score' | 'vqa_gt_prob',
): { [K in typeof name]?: Float64Array } {
  if (!members.every((member) => typeof member[field] === 'number')) return {}
  return { [name]: Float64Array.from(members, (member) => member[field] as number) }
}

function unionOf(candidates: readonly RlCandidate[]): number[] {
  return [...new Set(candidates.flatMap((candidate) => pointerIds(candidate)))].sort((a, b) => a - b)
}

interface Rows {
  readonly count: number
  /** The row of an id; undefined where there is none. */
  readonly get: (id: number) => number | undefined
}

function rowsOf({ ids }: Pick<Embeddings, 'ids'>, file: string): Rows {
  const rows = ids.length
  const rowOf = new Map<number, number>()
  let largest = 0
  for (let row = 0; row < rows; row++) {
    const id = ids[row]!
    if (!Number.isSafeInteger(id)) {
      throw new InputError(`rl-dataset: ${file}: id ${id} of the embeddings is not a whole number below 2^53`)
    }
    if (rowOf.has(id)) throw new InputError(`rl-dataset: ${file}: id ${id} of the embeddings is given twice`)
    rowOf.set(id, row)
    largest = Math.max(largest, id)
  }
  if (largest > 16 * rows + 1000) return { count: rows, get: (id) => rowOf.get(id) }
  const dense = new Int32Array(largest + 1).fill(-1)
  for (const [id, row] of rowOf) if (id >= 0) dense[id] = row
  const get = (id: number): number | undefined => {
    const row = dense[id] ?? -1
    return row >= 0 ? row : rowOf.get(id)
  }
  return { count: rows, get }
}
