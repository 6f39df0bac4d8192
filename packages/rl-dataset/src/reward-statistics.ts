import { pickOptions } from '@lever/durable-files/known-options'

import { meanOf, sampleStd } from './counting.ts'
import { groupRewards, type GroupRewardOptions, GROUP_REWARD_OPTIONS } from './group-rewards.ts'
import { candidateFilter, type SelectOptions, SELECT_OPTIONS } from './select.ts'
import { expectedOf, isScored, type RlCandidate, type RlQuery } from './types.ts'

/** What the rewards of a mode can teach. */
export interface RewardStatistics {
  readonly mode: string
  /** Queries by what they teach. `unusable`: no candidate is left, or a reward cannot be computed. */
  readonly informative: number
  readonly flat: number
  readonly single: number
  readonly unusable: number
  /** Of the flat groups: all candidates wrong, all right with the best score, all equal in between. */
  readonly flatWrong: number
  readonly flatRight: number
  readonly flatBetween: number
  /** (flat + single) / (informative + flat + single); null without groups. */
  readonly zeroVarianceShare: number | null
  /** Number of queries with so many different rewards. */
  readonly uniqueRewards: readonly { readonly distinct: number; readonly queries: number }[]
  /** Mean over the groups of the standard deviation of the normalised rewards; what training logs at its start. */
  readonly expectedAdvantageStd: number | null
  /** Why rewards could not be computed, for the first such query. */
  readonly problem: string | null
}

/** What the rewards of the candidates that training would use have to teach. */
export function rewardStatistics(
  queries: readonly RlQuery[],
  all: readonly RlCandidate[],
  options: SelectOptions & GroupRewardOptions,
): RewardStatistics {
  const reward = options.reward ?? usualReward(all)
  const reject = candidateFilter(pickOptions(options, SELECT_OPTIONS))
  const counts = {
    informative: 0,
    flat: 0,
    single: 0,
    unusable: 0,
    flatWrong: 0,
    flatRight: 0,
    flatBetween: 0,
  }
  const distinctCounts = new Map<number, number>()
  const stds: number[] = []
  let problem: string | null = null

  for (const { query_id, pointer_candidates } of queries) {
    const kept = pointer_candidates.filter((candidate) => reject(candidate) === undefined)
    if (kept.length === 0) {
      counts.unusable++
      continue
    }
    try {
      const { raw, rewards, status } = groupRewards(
        kept,
        { ...pickOptions<GroupRewardOptions>(options, GROUP_REWARD_OPTIONS), reward },
        `query ${query_id}`,
      )
      if (status === 'empty') continue
      counts[status]++
      if (status === 'flat') counts[kindOfFlat(kept)]++
      const distinct = new Set(raw).size
      distinctCounts.set(distinct, (distinctCounts.get(distinct) ?? 0) + 1)
      stds.push(sampleStd(rewards))
    } catch (error) {
      counts.unusable++
      problem ??= (error as Error).message
    }
  }
  const groups = counts.informative + counts.flat + counts.single
  return {
    mode: modeName(reward),
    ...counts,
    zeroVarianceShare: groups === 0 ? null : (counts.flat + counts.single) / groups,
    uniqueRewards: [...distinctCounts]
      .sort(([a], [b]) => a - b)
      .map(([distinct, number]) => ({ distinct, queries: number })),
    expectedAdvantageStd: meanOf(stds),
    problem,
  }
}

/** The default mode; the expected accuracy where nothing was decoded, the beam score where nothing was measured at all. */
function usualReward(all: readonly RlCandidate[]): NonNullable<GroupRewardOptions['reward']> {
  if (all.some(isScored)) return {}
  if (all.some((candidate) => expectedOf(candidate) !== undefined)) return { mode: 'expected_accuracy' }
  const hasBeams = all.some(({ beam_score }) => typeof beam_score === 'number')
  return hasBeams ? { mode: 'legacy', alpha: 1, clip: null } : {}
}

function kindOfFlat(kept: readonly RlCandidate[]): 'flatWrong' | 'flatRight' | 'flatBetween' {
  if (kept.every((candidate) => candidate.vqa_correct === 0 || candidate.vqa_acc_score === 0))
    return 'flatWrong'
  return kept.every(({ vqa_acc_score }) => vqa_acc_score === 1) ? 'flatRight' : 'flatBetween'
}

function modeName(reward: NonNullable<GroupRewardOptions['reward']>): string {
  if ('length' in reward) return reward.map(({ mode = 'hard_plus_soft' }) => String(mode)).join(' + ')
  const { mode = 'hard_plus_soft' } = reward
  return typeof mode === 'function' ? mode.name || 'custom' : mode
}
