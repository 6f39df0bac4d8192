import { chooseByFloor, type Policy } from '@lever/pointer-model'
import type { KindRows } from './rows.ts'
import { stacked } from './pools.ts'
import { staticShares } from './static-share.ts'

/** A question and the rows of its pool. */
export interface PolicyQuestion {
  readonly id: number
  /** [D] */
  readonly row: Float32Array
  readonly pool: readonly number[]
}

/** A row that was chosen, and the probability that the policy gave this choice at its step; null where its floor chose. */
export interface PolicyPick {
  readonly row: number
  readonly probability: number | null
  /** What of it is the same for every query; null where the policy has no number per member. */
  readonly staticShare: number | null
}

/**
 * The greedy pointers of a policy, or of what its training found to be better; fewer than `shots` where it may stop and does.
 * @param idOf the id of an example of the library, by its row
 */
export async function choosePointers(
  policy: Policy,
  asked: readonly PolicyQuestion[],
  rows: KindRows,
  shots: number,
  idOf: (row: number) => number,
): Promise<PolicyPick[][]> {
  const used = [...new Set(asked.flatMap(({ pool }) => pool))]
  const place = new Map(used.map((row, i) => [row, i]))
  const { dim } = rows
  const input = {
    queries: { ids: asked.map(({ id }) => id), data: stacked(asked.map(({ row }) => row)), dim },
    candidates: { ids: used.map(idOf), data: stacked(used.map((row) => rows.row(row))), dim },
    items: asked.map(({ pool }, row) => ({ row, pool: pool.map((one) => place.get(one)!) })),
  }
  const { floor } = policy.model
  const poolIds = asked.map(({ pool }) => pool.map(idOf))
  const sharesOf = staticShares(policy.model)
  const picksOf = (
    i: number,
    pointer: Int32Array,
    probabilities: readonly (number | null)[],
  ): PolicyPick[] => {
    const shares = sharesOf(poolIds[i]!, pointer, probabilities)
    return Array.from(pointer, (position, step) => ({
      row: asked[i]!.pool[position]!,
      probability: probabilities[step]!,
      staticShare: shares[step]!,
    }))
  }
  if (floor !== undefined) {
    const chosen = await chooseByFloor(policy, floor, { input, queryIds: input.queries.ids, poolIds }, shots)
    return chosen.map((pointer, i) =>
      picksOf(
        i,
        pointer,
        Array.from(pointer, () => null),
      ),
    )
  }
  const choices = await policy.greedy(input, { shots })
  return choices.map(({ pointer, stepLogProbs }, i) =>
    picksOf(
      i,
      pointer,
      Array.from(pointer, (_, step) => Math.exp(stepLogProbs[step]!)),
    ),
  )
}
