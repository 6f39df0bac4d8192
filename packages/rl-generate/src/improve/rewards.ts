import { pointerIds } from '@lever/rl-dataset'
import type { RlCandidate, RlData } from '@lever/rl-dataset'
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

/** Mean reward of what `data` has beyond `before`: pointers of a later round are ranked behind those of earlier ones. */
export function freshReward(data: RlData, before: RlData | undefined): number | null {
  const counts = new Map(before?.queries.map((query) => [query.query_id, query.pointer_candidates.length]))
  const values = data.queries.flatMap(({ query_id: id, pointer_candidates: all }) =>
    all.slice(counts.get(id) ?? 0).map(rewardOf),
  )
  return values.length === 0 ? null : values.reduce((a, b) => a + b, 0) / values.length
}

function rewardOf({ vqa_acc_score, vqa_gt_prob }: RlCandidate): number {
  return vqa_acc_score ?? vqa_gt_prob ?? 0
}
