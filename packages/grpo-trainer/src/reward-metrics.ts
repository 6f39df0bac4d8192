import type { Group } from '@lever/rl-dataset'
import { deviation, largest, mean } from './numbers.ts'
import type { Metrics } from './types.ts'

/**
 * What a policy earns on the measured pointers of one query. Where they have several lengths, `expected`, `ranked` and `top`
 * are over those as long as the greedy pointer, if there are any: probabilities of pointers of different lengths do not
 * compare, and the policy has chosen the length.
 */
export interface QueryRewards {
  readonly queryId: number
  readonly imageId: number | string | null
  /** Raw reward of the greedy pointer where it was measured, else the expected reward. */
  readonly reward: number
  readonly measured: boolean
  /** Expected raw reward when a measured pointer is drawn in proportion to its probability. */
  readonly expected: number
  /** The same with standardised log-probabilities, weights exp(3 z): how well the policy orders the pointers. */
  readonly ranked: number
  /** Raw reward of the most probable measured pointer. */
  readonly top: number
  /** Best and mean reward of the measured pointers. */
  readonly oracle: number
  readonly random: number
}

/** Rewards per query, from sequence log-probabilities [G] and the greedy pointer of every group. */
export function queryRewards(
  groups: readonly Group[],
  scores: readonly ArrayLike<number>[],
  greedy: readonly Int32Array[],
): QueryRewards[] {
  return groups.map((group, i) => {
    const { queryId, imageId, rawRewards } = group
    const like = placesOfLength(group, greedy[i]!.length)
    const list = like.map((g) => scores[i]![g]!)
    const rewards = like.map((g) => rawRewards[g]!)
    const expected = softmaxMean(rewards, list)
    const found = measuredReward(group, greedy[i]!)
    return {
      queryId,
      imageId,
      reward: found ?? expected,
      measured: found !== undefined,
      expected,
      ranked: rankedReward(rewards, list),
      top: rewards[list.indexOf(largest(list))]!,
      oracle: largest(rawRewards),
      random: mean(rawRewards),
    }
  })
}

/** The reward metrics of `Validator`: means over queries. */
export function rewardMetrics(rows: readonly QueryRewards[]): Metrics {
  const average = (of: (row: QueryRewards) => number): number => mean(rows.map(of))
  return {
    'eval/reward': average(({ reward }) => reward),
    'eval/measured': average(({ measured }) => (measured ? 1 : 0)),
    'eval/reward_expected': average(({ expected }) => expected),
    'eval/reward_ranked': average(({ ranked }) => ranked),
    'eval/reward_top': average(({ top }) => top),
    'eval/oracle': average(({ oracle }) => oracle),
    'eval/random': average(({ random }) => random),
  }
}

/** What a way to choose is worth on measured pointers that it scores: their mean with weights exp(3 z), z its standardised scores. */
export function rankedReward(rewards: ArrayLike<number>, scores: readonly number[]): number {
  return softmaxMean(rewards, standardised(scores))
}

/** Mean of rewards with weights softmax(scores). */
function softmaxMean(rewards: ArrayLike<number>, scores: readonly number[]): number {
  const best = largest(scores)
  const weights = scores.map((score) => Math.exp(score - best))
  const total = weights.reduce((a, b) => a + b, 0)
  return weights.reduce((sum, weight, g) => sum + (weight / total) * rewards[g]!, 0)
}

/** Scores with mean 0 and standard deviation 3; zeros when all are equal. */
function standardised(scores: readonly number[]): number[] {
  const centre = mean(scores)
  const spread = deviation(scores)
  return scores.map((score) => (spread === 0 ? 0 : (3 * (score - centre)) / spread))
}

/** The pointers of a group that show so many demonstrations; all of them when there is none. */
function placesOfLength({ pointers, shots, size }: Group, length: number): number[] {
  const all = Array.from({ length: size }, (_, g) => g)
  const lengthOf = (g: number): number => {
    const end = pointers.subarray(g * shots, (g + 1) * shots).indexOf(-1)
    return end < 0 ? shots : end
  }
  const found = all.filter((g) => lengthOf(g) === length)
  return found.length > 0 ? found : all
}

function measuredReward(
  { pointers, shots, size, rawRewards }: Group,
  pointer: Int32Array,
): number | undefined {
  const padded = Array.from({ length: shots }, (_, t) => pointer[t] ?? -1)
  for (let g = 0; g < size; g++) {
    if (padded.every((position, t) => position === pointers[g * shots + t])) return rawRewards[g]
  }
  return undefined
}
