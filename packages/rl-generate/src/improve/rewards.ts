import { pointerIds } from '@lever/rl-dataset'
import type { RlCandidate, RlData, RlQuery } from '@lever/rl-dataset'
import type { RoundRecord } from './types.ts'
import type { KnownPointers } from './plan-round.ts'

/** The pointers of RL data as positions in the pools. */
export function pointersOf({ queries }: RlData): KnownPointers {
  return new Map(
    queries.map(({ query_id: id, candidate_pool_ids: pool, pointer_candidates: all }) => {
      const place = new Map((pool ?? []).map((one, position) => [one, position]))
      return [id, all.map((one) => pointerIds(one).map((each) => place.get(each)!))]
    }),
  )
}

/** Mean reward of what `data` has beyond `before`: of the policy's best pointers, and of all others. */
export function meansOf(
  data: RlData,
  before: RlData | undefined,
): Pick<RoundRecord, 'proposed' | 'explored'> {
  const counts = new Map(before?.queries.map((query) => [query.query_id, query.pointer_candidates.length]))
  const fresh = data.queries.flatMap((query) => freshOf(query, counts.get(query.query_id) ?? 0))
  const isBest = ({ gen_method }: RlCandidate): boolean => before !== undefined && gen_method === 'beam'
  return {
    proposed: mean(fresh.filter(isBest).map(rewardOf)),
    explored: mean(fresh.filter((one) => !isBest(one)).map(rewardOf)),
  }
}

/** Pointers of a later round are ranked behind those of the earlier ones. */
function freshOf({ pointer_candidates: all }: RlQuery, count: number): readonly RlCandidate[] {
  return all.slice(count)
}

function rewardOf({ vqa_acc_score, vqa_gt_prob }: RlCandidate): number {
  return vqa_acc_score ?? vqa_gt_prob ?? 0
}

function mean(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((a, b) => a + b, 0) / values.length
}
