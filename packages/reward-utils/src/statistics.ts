import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'

/**
 * Whether a group can teach: `informative`, `flat` (all rewards equal), `single` (one pointer is not a group) or `empty`.
 */
export type GroupStatus = 'informative' | 'flat' | 'single' | 'empty'

/** What the rewards of one query have in common. */
export interface GroupStatistics {
  readonly size: number
  readonly mean: number
  /** Sample standard deviation (divisor G - 1); exactly 0 unless the group is informative. */
  readonly std: number
  readonly status: GroupStatus
}

/** Below this share of the largest magnitude (or of 1), a spread is rounding, and the group is flat. */
const FLAT = 1e-12

/**
 * Mean, sample standard deviation and status of the rewards of one group, [G]. Safe for magnitudes up to 1.7e308.
 *
 * @throws RangeError if a reward is not finite
 */
export function groupStatistics(rewards: ArrayLike<number>): GroupStatistics {
  const size = rewards.length
  let low = Infinity
  let high = -Infinity
  for (let i = 0; i < size; i++) {
    const reward = rewards[i]!
    if (!Number.isFinite(reward)) {
      throw new RangeError(`reward-utils: reward ${i} of the group must be a finite number, got ${reward}`)
    }
    if (reward < low) low = reward
    if (reward > high) high = reward
  }
  if (size === 0) return { size, mean: 0, std: 0, status: 'empty' }
  if (size === 1) return { size, mean: low, std: 0, status: 'single' }

  const largest = Math.max(Math.abs(low), Math.abs(high))
  const scale = largest > 1e100 ? largest : 1
  let sum = 0
  for (let i = 0; i < size; i++) sum += rewards[i]! / scale
  const mean = Math.min(high / scale, Math.max(low / scale, sum / size))
  if (high / scale - low / scale <= FLAT * Math.max(1, largest / scale)) {
    return { size, mean: mean * scale, std: 0, status: 'flat' }
  }
  let squares = 0
  for (let i = 0; i < size; i++) squares += (rewards[i]! / scale - mean) ** 2
  const std = Math.min(Math.sqrt(squares / (size - 1)) * scale, Number.MAX_VALUE)
  return { size, mean: mean * scale, std, status: 'informative' }
}

/** How the rewards of a group are normalised. */
export interface NormalizeOptions {
  /** A name of `NORMALIZERS`. Default `z_score_clamp`. */
  readonly method?: NormalizeMethod
  /** Bound of `z_score_clamp`. Default 3. */
  readonly clamp?: number
}

export const NORMALIZE_OPTIONS: OptionNames<NormalizeOptions> = { method: true, clamp: true }

/** The rewards of one query, normalised. */
export interface NormalizedGroup extends GroupStatistics {
  /** Normalised rewards, [G]; exact zeros unless the group is informative. */
  readonly values: Float64Array
}

/** A normalisation of the rewards [G] of one informative group. */
export type Normalizer = (
  rewards: ArrayLike<number>,
  statistics: GroupStatistics,
  clamp: number,
) => Float64Array

/** The names of the normalisations. */
export const NORMALIZE_METHODS = ['z_score', 'z_score_clamp', 'rank_normalize', 'none'] as const

/** A name of {@link NORMALIZERS}. */
export type NormalizeMethod = (typeof NORMALIZE_METHODS)[number]

/**
 * The ways to normalise the rewards of one group.
 * - `z_score`: (r - mean) / std with the sample standard deviation.
 * - `z_score_clamp`: the same, limited to -clamp..clamp.
 * - `rank_normalize`: 1 - 2 rank / (G - 1), the best reward has rank 0, ties share their average rank.
 * - `none`: the rewards as they are (a group that is not informative still gives zeros).
 */
export const NORMALIZERS: Readonly<Record<NormalizeMethod, Normalizer>> = {
  z_score: (rewards, { mean, std }) => zScores(rewards, mean, std, Infinity),
  z_score_clamp: (rewards, { mean, std }, clamp) => zScores(rewards, mean, std, clamp),
  rank_normalize: (rewards) => rankNormalize(rewards),
  none: (rewards) => Float64Array.from(rewards),
}

/**
 * Normalises the rewards of one group, [G], once. A flat group gives exact zeros and says so in `status`, and so does
 * a single pointer.
 *
 * @throws RangeError if a reward is not finite or `clamp` is not positive
 */
export function normalizeGroup(rewards: ArrayLike<number>, options: NormalizeOptions = {}): NormalizedGroup {
  refuseUnknownOptions(options, NORMALIZE_OPTIONS, 'reward-utils: normalizeGroup')
  const { method = 'z_score_clamp', clamp = 3 } = options
  if (!(clamp > 0)) throw new RangeError(`reward-utils: clamp must be positive, got ${clamp}`)
  if (!Object.hasOwn(NORMALIZERS, method)) {
    throw new RangeError(`reward-utils: unknown normalisation ${method}; use ${NORMALIZE_METHODS.join(', ')}`)
  }
  const statistics = groupStatistics(rewards)
  const informative = statistics.status === 'informative'
  const values = informative
    ? NORMALIZERS[method](rewards, statistics, clamp)
    : new Float64Array(statistics.size)
  return { ...statistics, values }
}

function zScores(rewards: ArrayLike<number>, mean: number, std: number, clamp: number): Float64Array {
  const values = new Float64Array(rewards.length)
  for (let i = 0; i < values.length; i++) {
    const value = std > 1e100 ? rewards[i]! / std - mean / std : (rewards[i]! - mean) / std
    values[i] = Math.min(clamp, Math.max(-clamp, value))
  }
  return values
}

function rankNormalize(rewards: ArrayLike<number>): Float64Array {
  const size = rewards.length
  const order = Uint32Array.from({ length: size }, (_, i) => i).sort((a, b) => rewards[b]! - rewards[a]!)
  const values = new Float64Array(size)
  for (let start = 0; start < size;) {
    let end = start
    while (end + 1 < size && rewards[order[end + 1]!]! === rewards[order[start]!]!) end++
    const value = 1 - (start + end) / (size - 1)
    for (let i = start; i <= end; i++) values[order[i]!] = value
    start = end + 1
  }
  return values
}
