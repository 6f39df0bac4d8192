import type { Random } from '@lever/reward-utils'
import type { Group } from './groups.ts'

/** B groups padded to the same G and N. All have the same K. Padding has mask 0, row 0, pointer 0 and reward 0. */
export interface GroupBatch {
  /** B, largest G, K, largest N. */
  readonly size: number
  readonly pointersPerGroup: number
  readonly shots: number
  readonly poolSize: number
  readonly groups: readonly Group[]
  /** [B] */
  readonly queryRows: Int32Array
  /** [B*N] */
  readonly poolRows: Int32Array
  /** [B*N] 1 where there is a candidate. */
  readonly poolMask: Uint8Array
  /** [B*G*K] positions in the pool. */
  readonly pointers: Int32Array
  /** [B*G] 1 where there is a pointer. */
  readonly pointerMask: Uint8Array
  /** [B*G] normalised. */
  readonly rewards: Float64Array
  /** [B*G] */
  readonly rawRewards: Float64Array
  /** [B*G], or null unless all groups have them. */
  readonly logProbs: Float64Array | null
}

export interface PadOptions {
  /** Pad to at least this many candidates. */
  readonly poolSize?: number
  /** Pad to at least this many pointers. */
  readonly pointersPerGroup?: number
}

/**
 * One padded batch of groups with the same number of demonstrations.
 * Throws RangeError without groups, or with groups of different K: `batchesOf` keeps them apart.
 */
export function padGroups(groups: readonly Group[], options: PadOptions = {}): GroupBatch {
  const [first] = groups
  if (!first) throw new RangeError('rl-dataset: a batch needs at least one group')
  const { shots: K } = first
  const odd = groups.find(({ shots }) => shots !== K)
  if (odd) {
    throw new RangeError(
      `rl-dataset: a batch needs one number of demonstrations; query ${first.queryId} has ${K}, query ${odd.queryId} has ${odd.shots}`,
    )
  }
  const B = groups.length
  const G = groups.reduce((most, { size }) => Math.max(most, size), options.pointersPerGroup ?? 0)
  const N = groups.reduce((most, { poolRows }) => Math.max(most, poolRows.length), options.poolSize ?? 0)
  const hasLogProbs = groups.every(({ logProbs }) => logProbs !== null)
  const batch = {
    size: B,
    pointersPerGroup: G,
    shots: K,
    poolSize: N,
    groups,
    queryRows: Int32Array.from(groups, ({ queryRow }) => queryRow),
    poolRows: new Int32Array(B * N),
    poolMask: new Uint8Array(B * N),
    pointers: new Int32Array(B * G * K),
    pointerMask: new Uint8Array(B * G),
    rewards: new Float64Array(B * G),
    rawRewards: new Float64Array(B * G),
    logProbs: hasLogProbs ? new Float64Array(B * G) : null,
  }
  groups.forEach((group, b) => {
    batch.poolRows.set(group.poolRows, b * N)
    batch.poolMask.fill(1, b * N, b * N + group.poolRows.length)
    batch.pointers.set(group.pointers, b * G * K)
    batch.pointerMask.fill(1, b * G, b * G + group.size)
    batch.rewards.set(group.rewards, b * G)
    batch.rawRewards.set(group.rawRewards, b * G)
    if (group.logProbs) batch.logProbs?.set(group.logProbs, b * G)
  })
  return batch
}

export interface BatchesOptions extends PadOptions {
  /** B. Default 1, as in the original. The last batch of each K may be smaller. */
  readonly batchSize?: number
  /** Shuffles the groups and the batches; without it they keep their order. */
  readonly random?: Random
}

/** The groups in batches, those with different K in different batches. Throws RangeError for a batch size under 1. */
export function batchesOf(groups: readonly Group[], options: BatchesOptions = {}): GroupBatch[] {
  const { batchSize = 1, random, ...pad } = options
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw new RangeError(`rl-dataset: the batch size must be a positive integer, got ${batchSize}`)
  }
  const byShots = new Map<number, Group[]>()
  for (const group of random ? random.shuffle(groups) : groups) {
    const same = byShots.get(group.shots)
    if (same) same.push(group)
    else byShots.set(group.shots, [group])
  }
  const batches: GroupBatch[] = []
  for (const same of byShots.values()) {
    for (let start = 0; start < same.length; start += batchSize) {
      batches.push(padGroups(same.slice(start, start + batchSize), pad))
    }
  }
  return random && byShots.size > 1 ? random.shuffle(batches) : batches
}
