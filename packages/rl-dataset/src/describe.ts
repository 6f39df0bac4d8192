import { uniformPolicyLoss } from '@lever/reward-utils'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import { count, groupBy, meanOf, rate, spreadOf } from './counting.ts'
import type { GroupRewardOptions } from './group-rewards.ts'
import { describeExpected } from './expected.ts'
import { oracleOf } from './oracle.ts'
import { rewardStatistics } from './reward-statistics.ts'
import type { SelectOptions } from './select.ts'
import type { ReadReport } from './source.ts'
import {
  accuracyOf,
  expectedOf,
  isPositive,
  isScored,
  pointerIds,
  type RlCandidate,
  type RlData,
  type RlQuery,
} from './types.ts'
import type { Description, DuplicateStatistics, MethodStatistics } from './description.ts'
import { verdictOf } from './verdict.ts'

/** What a description counts, and which candidates and reward it is of. */
export interface DescribeOptions extends SelectOptions, GroupRewardOptions {}

export const DESCRIBE_OPTIONS: OptionNames<DescribeOptions> = {
  skipFallbackReward: true,
  filterGenMethods: true,
  includeTransferred: true,
  reward: true,
  combine: true,
  shotWeights: true,
  normalize: true,
  clamp: true,
}

/** Describes RL data. With data from `readRlData`, also the file, its shapes and its warnings. Never throws for odd data. */
export function describeRlData(
  data: RlData & { readonly report?: ReadReport },
  options: DescribeOptions = {},
): Description {
  refuseUnknownOptions(options, DESCRIBE_OPTIONS, 'rl-dataset: describeRlData')
  const { queries, meta, report } = data
  const all = queries.flatMap(({ pointer_candidates }) => pointer_candidates)
  const filled = queries.filter(({ pointer_candidates }) => pointer_candidates.length > 0)
  const shots = all.length > 0 ? all[0]!.pointer.length : (meta?.shot_num ?? null)
  const scored = all.filter(isScored)
  const description = {
    file: report?.file ?? null,
    form: report?.form ?? null,
    bytes: report?.bytes ?? null,
    shapes: Object.fromEntries(report?.shapes ?? []),
    meta,
    queries: queries.length,
    emptyQueries: queries.length - filled.length,
    candidates: all.length,
    candidatesPerQuery: spreadOf(queries.map(({ pointer_candidates }) => pointer_candidates.length)),
    shots,
    pool: {
      ...spreadOf(filled.map(poolSizeOf)),
      given: queries.filter(({ candidate_pool_ids }) => candidate_pool_ids !== null).length,
    },
    methods: methodsOf(all),
    evalModes: evalModesOf(all),
    flags: {
      derived: count(all, ({ derived }) => derived === true),
      transferred: count(all, ({ transferred_reward }) => transferred_reward === true),
      failed: count(all, (candidate) => hasFailed(candidate) && !isPending(candidate)),
      pending: count(all, isPending),
    },
    positiveShare: rate(scored, isPositive),
    queriesWithPositive: count(queries, ({ pointer_candidates }) => pointer_candidates.some(isPositive)),
    accuracyBins: accuracyBinsOf(scored),
    expected: describeExpected(queries, meta, options),
    rewards: rewardStatistics(queries, all, options),
    oracle: oracleOf(filled, options),
    uniformPolicyLoss: meanOf(filled.map(uniformLossOf)),
    duplicates: duplicatesOf(filled),
    warnings: Object.fromEntries(report?.problems.counts ?? []),
  }
  return { ...description, verdict: verdictOf(description) }
}

function hasFailed({ eval_failed, vqa_eval_mode }: RlCandidate): boolean {
  return eval_failed === true || vqa_eval_mode === 'error'
}

function isPending({ eval_error_kind }: RlCandidate): boolean {
  return eval_error_kind === 'transient'
}

function methodsOf(all: readonly RlCandidate[]): MethodStatistics[] {
  const byMethod = groupBy(all, ({ gen_method }) => gen_method ?? 'unknown')
  return [...byMethod]
    .map(([method, candidates]) => {
      const scored = candidates.filter(isScored)
      return {
        method,
        count: candidates.length,
        positiveRate: rate(scored, isPositive),
        meanAccuracy: meanOf(scored.map(accuracyOf)),
        meanExpected: meanOf(candidates.flatMap((candidate) => expectedOf(candidate) ?? [])),
      }
    })
    .sort((a, b) => b.count - a.count || (a.method < b.method ? -1 : 1))
}

function evalModesOf(all: readonly RlCandidate[]): Description['evalModes'] {
  const byMode = groupBy(all, ({ vqa_eval_mode }) => vqa_eval_mode ?? 'unknown')
  return [...byMode]
    .map(([mode, candidates]) => ({ mode, count: candidates.length, share: candidates.length / all.length }))
    .sort((a, b) => b.count - a.count || (a.mode < b.mode ? -1 : 1))
}

function accuracyBinsOf(scored: readonly RlCandidate[]): Description['accuracyBins'] {
  const bins = { zero: 0, low: 0, high: 0, one: 0 }
  for (const accuracy of scored.map(accuracyOf)) {
    bins[accuracy <= 0 ? 'zero' : accuracy < 0.5 ? 'low' : accuracy < 1 ? 'high' : 'one']++
  }
  return bins
}

function duplicatesOf(queries: readonly RlQuery[]): DuplicateStatistics {
  const duplicates = { sameOrder: 0, sameSet: 0, contradicting: 0 }
  for (const { pointer_candidates } of queries) {
    const ordered = new Map<string, RlCandidate>()
    const sets = new Set<string>()
    for (const candidate of pointer_candidates) {
      const ids = pointerIds(candidate)
      const first = ordered.get(ids.join())
      const set = [...ids].sort((a, b) => a - b).join()
      if (first) {
        duplicates.sameOrder++
        if (first.vqa_acc_score !== candidate.vqa_acc_score) duplicates.contradicting++
      } else if (sets.has(set)) duplicates.sameSet++
      if (!first) ordered.set(ids.join(), candidate)
      sets.add(set)
    }
  }
  return duplicates
}

function poolSizeOf({ candidate_pool_ids, pointer_candidates }: RlQuery): number {
  return (
    candidate_pool_ids?.length ??
    new Set(pointer_candidates.flatMap((candidate) => pointerIds(candidate))).size
  )
}

function uniformLossOf(query: RlQuery): number {
  return uniformPolicyLoss(poolSizeOf(query), query.pointer_candidates[0]!.pointer.length)
}
