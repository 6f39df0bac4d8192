import { hashOf, hashBytes, InputError } from '@lever/durable-files'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import type { Embeddings } from '@lever/tensor-files'
import type { Members } from '@lever/pointer-model'
import type { Group } from '@lever/rl-dataset'
import { deviation, mean } from './numbers.ts'

/** What a policy is trained and validated on. */
export interface TrainingData {
  readonly groups: readonly Group[]
  /** Groups of other images; without them nothing is selected and the last policy is the result. */
  readonly validation?: readonly Group[]
  /** Embeddings that `poolRows` and `queryRow` of the groups point into. */
  readonly embeddings: Rows
  /** Embeddings of the queries, when they are not those of the candidates. */
  readonly queryEmbeddings?: Rows
}

const TRAINING_DATA: OptionNames<TrainingData> = {
  ...{ groups: true, validation: true, embeddings: true, queryEmbeddings: true },
}

/** @throws InputError for a field that does not exist: a validation by another name would select nothing */
export function checkDataNames(data: TrainingData): void {
  refuseUnknownOptions(data, TRAINING_DATA, 'grpo-trainer: data')
}

/** Rows of embeddings; only a policy with members reads their ids. */
type Rows = Pick<Embeddings, 'data' | 'dim'> & { readonly ids?: readonly number[] }

/** Largest sizes of the groups: N, G and K. */
export interface Sizes {
  readonly pool: number
  readonly group: number
  readonly shots: number
}

/** The largest pool, group and pointer. */
export function sizesOf(groups: readonly Group[]): Sizes {
  const most = (of: (group: Group) => number): number =>
    groups.reduce((a, group) => Math.max(a, of(group)), 1)
  return {
    pool: most((group) => group.poolRows.length),
    group: most((group) => group.size),
    shots: most((group) => group.shots),
  }
}

/** The candidates that pointers of the groups show, by id, and how many show each. */
export function membersOf(groups: readonly Group[]): Members {
  const counts = new Map<number, number>()
  for (const { pointers, poolIds } of groups) {
    for (const position of pointers) {
      const id = position < 0 ? undefined : poolIds[position]
      if (id !== undefined) counts.set(id, (counts.get(id) ?? 0) + 1)
    }
  }
  const ids = [...counts.keys()].sort((a, b) => a - b)
  return { ids, counts: ids.map((id) => counts.get(id)!) }
}

/** How many choices pointer g of a group is: K, or up to and with its STOP, the first -1. */
export function choicesOf({ pointers, shots }: Pick<Group, 'pointers' | 'shots'>, g: number): number {
  const end = pointers.subarray(g * shots, (g + 1) * shots).indexOf(-1)
  return end < 0 ? shots : end + 1
}

/** Are all raw rewards of a group equal? Such a group has no advantage. */
export function isFlat({ rawRewards }: Pick<Group, 'rawRewards'>): boolean {
  return rawRewards.every((reward) => Math.abs(reward - rawRewards[0]!) <= 1e-12)
}

/**
 * The spread of raw rewards within a query: the root of the mean variance of the groups that are not flat; 1 when all are.
 */
export function rewardSpread(groups: readonly Pick<Group, 'rawRewards'>[]): number {
  const variances = groups
    .filter((group) => !isFlat(group))
    .map(({ rawRewards }) => deviation(rawRewards) ** 2)
  return variances.length === 0 ? 1 : Math.sqrt(mean(variances))
}

/**
 * Checks that the data can be trained on by a policy, one that may stop before K or not.
 * @throws InputError naming the query when a row, a position or a reward is wrong, or D differs.
 */
export function checkData(
  data: TrainingData,
  { dim, stops = false }: { dim: number; stops?: boolean | undefined },
): void {
  const { groups, validation = [], embeddings, queryEmbeddings = embeddings } = data
  for (const [name, matrix] of [
    ['embeddings', embeddings],
    ['queryEmbeddings', queryEmbeddings],
  ] as const) {
    if (matrix.dim !== dim || matrix.data.length % dim !== 0) {
      throw new InputError(
        `grpo-trainer: ${name} have size ${matrix.dim} (${matrix.data.length} numbers), but the model was made for ${dim}`,
      )
    }
    if (!matrix.data.every((x) => Number.isFinite(x))) {
      throw new InputError(`grpo-trainer: ${name} hold NaN or infinities; embed the dataset again`)
    }
  }
  if (groups.length === 0) {
    throw new InputError('grpo-trainer: there is no group to train on; see which filter dropped them')
  }
  const rows = embeddings.data.length / dim
  const queryRows = queryEmbeddings.data.length / dim
  for (const group of [...groups, ...validation]) checkGroup(group, { rows, queryRows, stops })
}

function checkGroup(
  group: Group,
  { rows, queryRows, stops }: { rows: number; queryRows: number; stops: boolean },
): void {
  const { queryId, queryRow, poolRows, pointers, size, shots, rewards, rawRewards } = group
  const fail = (what: string): never => {
    throw new InputError(`grpo-trainer: query ${queryId}: ${what}`)
  }
  if (size < 1 || shots < 1) fail(`has ${size} pointers of ${shots} demonstrations`)
  if (pointers.length !== size * shots || rewards.length !== size || rawRewards.length !== size) {
    fail(`has ${size} pointers, but ${pointers.length} positions and ${rawRewards.length} rewards`)
  }
  if (!(Number.isInteger(queryRow) && queryRow >= 0 && queryRow < queryRows))
    fail(`row ${queryRow} is not in the ${queryRows} query embeddings`)
  for (const row of poolRows) {
    if (!(row >= 0 && row < rows)) fail(`row ${row} of its pool is not in the ${rows} embeddings`)
  }
  for (let g = 0; g < size; g++) {
    const pointer = pointers.subarray(g * shots, (g + 1) * shots)
    const end = pointer.indexOf(-1)
    if (end >= 0 && !stops) {
      fail(
        `pointer ${g} [${pointer.join(', ')}] ends early, but the policy always chooses ${shots}; train an architecture that stops`,
      )
    }
    const positions =
      end < 0 || pointer.subarray(end).some((n) => n !== -1) ? pointer : pointer.subarray(0, end)
    const inside = positions.every((n) => n >= 0 && n < poolRows.length)
    if (!inside || new Set(positions).size !== positions.length) {
      fail(`pointer ${g} [${pointer.join(', ')}] is not distinct positions in a pool of ${poolRows.length}`)
    }
    if (!Number.isFinite(rawRewards[g]) || !Number.isFinite(rewards[g])) {
      fail(`reward ${g} is ${rawRewards[g]} (normalised ${rewards[g]})`)
    }
  }
}

/**
 * Checks that every pointer has its log-probability under the policy that proposed it.
 * @throws InputError naming the query
 */
export function checkProposer({ groups, validation = [] }: TrainingData): void {
  for (const { queryId, logProbs, size } of [...groups, ...validation]) {
    if (logProbs?.length === size && logProbs.every((value) => Number.isFinite(value))) continue
    throw new InputError(
      `grpo-trainer: query ${queryId} has a pointer without logprob_score, which behaviour correction needs; ` +
        `generate the data with a policy (lever generate --embeddings), or set behaviour to none`,
    )
  }
}

/** SHA-256 of the log-probabilities that behaviour correction reads. */
export function hashProposer({ groups, validation = [] }: TrainingData): string {
  return hashOf([...groups, ...validation].map(({ logProbs }) => Array.from(logProbs!)))
}

/** SHA-256 of everything in the data that training depends on. */
export function hashData({ groups, validation = [], embeddings, queryEmbeddings }: TrainingData): string {
  const bytes = ({ data }: Pick<Embeddings, 'data'>): string =>
    hashBytes(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
  const summary = (group: Group): unknown => [
    group.queryId,
    group.queryRow,
    Array.from(group.poolRows),
    Array.from(group.pointers),
    group.shots,
    Array.from(group.rewards),
    Array.from(group.rawRewards),
  ]
  return hashOf({
    embeddings: bytes(embeddings),
    queries: queryEmbeddings === undefined ? null : bytes(queryEmbeddings),
    groups: groups.map(summary),
    validation: validation.map(summary),
  })
}
