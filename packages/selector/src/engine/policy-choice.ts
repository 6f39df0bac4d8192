import { chooseByFloor, type Policy } from '@lever/pointer-model'
import type { KindRows } from './rows.ts'
import { stacked } from './pools.ts'

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
  if (floor !== undefined) {
    const queryIds = asked.map(({ id }) => id)
    const places = { input, queryIds, poolIds: asked.map(({ pool }) => pool.map(idOf)) }
    const chosen = await chooseByFloor(policy, floor, places, shots)
    return chosen.map((pointer, i) =>
      Array.from(pointer, (position) => ({ row: asked[i]!.pool[position]!, probability: null })),
    )
  }
  const choices = await policy.greedy(input, { shots })
  return choices.map(({ pointer, stepLogProbs }, i) =>
    Array.from(pointer, (position, step) => ({
      row: asked[i]!.pool[position]!,
      probability: Math.exp(stepLogProbs[step]!),
    })),
  )
}
