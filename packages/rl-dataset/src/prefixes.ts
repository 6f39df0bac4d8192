import { InputError } from '@lever/durable-files'
import { groupRewards, type GroupRewardOptions, type GroupRewards } from './group-rewards.ts'
import { isScored, pointerIds, type RlCandidate, type RlShot } from './types.ts'

/**
 * The beginnings of pointers that were measured, as candidates of their own: the first k demonstrations for every outcome
 * in `shots` with k < K, each sequence once, as the first candidate has it. They keep the method of the candidate, but
 * nothing that belongs to the whole pointer, such as its log-probability or its InfoScore.
 */
export function prefixesOf(candidates: readonly RlCandidate[]): RlCandidate[] {
  const found = new Map<string, RlCandidate>()
  for (const candidate of candidates) {
    const ids = pointerIds(candidate)
    for (const shot of candidate.shots ?? []) {
      const key = ids.slice(0, shot.k).join()
      if (shot.k >= ids.length || found.has(key)) continue
      const prefix = prefixOf(candidate, shot)
      if (isScored(prefix) || prefix.vqa_eval_mode !== undefined) found.set(key, prefix)
    }
  }
  return [...found.values()]
}

function prefixOf({ pointer, pointer_global: ids, gen_method }: RlCandidate, shot: RlShot): RlCandidate {
  return {
    ...shot,
    pointer: pointer.slice(0, shot.k),
    ...(ids !== undefined && { pointer_global: ids.slice(0, shot.k) }),
    ...(gen_method !== undefined && { gen_method }),
  }
}

/**
 * Rewards of whole pointers and of prefixes as one group.
 * @throws InputError that says which of them lacks a field of the reward
 */
export function rewardsWithPrefixes(
  whole: readonly RlCandidate[],
  prefixes: readonly RlCandidate[],
  options: GroupRewardOptions,
  where: string,
): GroupRewards {
  if (prefixes.length === 0) return groupRewards(whole, options, where)
  groupRewards(whole, options, where)
  for (const prefix of prefixes) {
    const name = `${where}: prefix [${pointerIds(prefix).join(', ')}]`
    try {
      groupRewards([prefix], options, name)
    } catch (error) {
      throw new InputError(
        `${(error as Error).message}; the outcome of a prefix is vqa_correct, vqa_acc_score and, when measured, vqa_gt_prob and vqa_rel_score`,
        { cause: error },
      )
    }
  }
  return groupRewards([...whole, ...prefixes], options, where)
}
