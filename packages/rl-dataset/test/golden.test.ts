import { describe, expect, test } from '@jest/globals'
import type { NormalizeMethod, RewardMode } from '@lever/reward-utils'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { buildGroups, type Group, type GroupOptions } from '../src/index.ts'
import { readRlData } from '../src/node.ts'
import { indexOf } from './helpers.ts'

interface ExpectedGroup {
  query_id: number
  candidate_ids: number[]
  labels: number[][]
  rewards_raw: number[]
  rewards: number[]
}

interface ExpectedLine {
  options: {
    reward_mode: RewardMode
    normalize_method: NormalizeMethod
    normalize_clamp_value: number
    skip_fallback_reward: boolean
    filter_gen_methods: string[] | null
    require_positive_query: boolean
    reward_alpha: number
    reward_beta: number
    hard_weight: number
    soft_weight: number
    rel_weight: number
  }
  groups: ExpectedGroup[]
}

const folder = new URL('../../../fixtures/golden/rl-dataset/', import.meta.url)

const optionsOf = (options: ExpectedLine['options']): GroupOptions => ({
  reward: {
    mode: options.reward_mode,
    alpha: options.reward_alpha,
    beta: options.reward_beta,
    hardWeight: options.hard_weight,
    softWeight: options.soft_weight,
    relWeight: options.rel_weight,
  },
  normalize: options.normalize_method,
  clamp: options.normalize_clamp_value,
  skipFallbackReward: options.skip_fallback_reward,
  filterGenMethods: options.filter_gen_methods,
  requirePositiveQuery: options.require_positive_query ? 'reward' : false,
  minSize: 1,
})

/** The two deliberate differences: flat groups are zeros, and equal rewards share their average rank. */
const normalizedByOurRule = (group: ExpectedGroup, method: string): number[] => {
  const { rewards_raw: raw, rewards } = group
  if (new Set(raw).size === 1) return raw.map(() => 0)
  if (method !== 'rank_normalize' || new Set(raw).size === raw.length) return rewards
  return raw.map((reward) => {
    const tied = raw.flatMap((other, i) => (other === reward ? [rewards[i]!] : []))
    return tied.reduce((a, b) => a + b, 0) / tied.length
  })
}

const close = (got: ArrayLike<number>, wanted: readonly number[]): boolean =>
  got.length === wanted.length && wanted.every((value, i) => Math.abs(got[i]! - value) <= 1.1e-5)

const labelsOf = ({ pointers, size, shots }: Group): number[][] =>
  Array.from({ length: size }, (_, g) => Array.from(pointers.subarray(g * shots, (g + 1) * shots)))

describe.each(['global', 'pos', 'local'])('groups of rl_%s.json as the original builds them', (style) => {
  test('all options', async () => {
    const data = await readRlData(fileURLToPath(new URL(`rl_${style}.json`, folder)))
    const ids = new Set([...Array(1000).keys(), ...data.queries.map(({ query_id }) => query_id)])
    const index = indexOf(...ids)
    const lines = readFileSync(new URL(`expected_${style}.jsonl`, folder), 'utf8')
      .trim()
      .split('\n')
    expect(lines).toHaveLength(80)
    let compared = 0
    for (const line of lines) {
      const { options, groups: expected } = JSON.parse(line) as ExpectedLine
      const { groups } = buildGroups(data, index, optionsOf(options))
      expect(groups.map(({ queryId }) => queryId)).toEqual(expected.map(({ query_id }) => query_id))
      groups.forEach((group, i) => {
        const wanted = expected[i]!
        const equal =
          String(group.poolIds) === String(wanted.candidate_ids) &&
          String(labelsOf(group)) === String(wanted.labels) &&
          close(group.rawRewards, wanted.rewards_raw) &&
          close(group.rewards, normalizedByOurRule(wanted, options.normalize_method))
        if (!equal) expect({ options, group }).toEqual({ options, group: wanted })
        compared++
      })
    }
    expect(compared).toBeGreaterThan(1400)
  })
})
