import type { Policy } from '@lever/pointer-model'
import type { KindRows } from './rows.ts'
import { stacked } from './pools.ts'

/** A question and the rows of its pool. */
export interface PolicyQuestion {
  /** [D] */
  readonly row: Float32Array
  readonly pool: readonly number[]
}

/** A row that the policy chose, and the probability that it gave this choice at its step. */
export interface PolicyPick {
  readonly row: number
  readonly probability: number
}

/** The greedy pointers of a policy; fewer than `shots` where it may stop and does. */
export async function choosePointers(
  policy: Policy,
  asked: readonly PolicyQuestion[],
  rows: KindRows,
  shots: number,
): Promise<PolicyPick[][]> {
  const used = [...new Set(asked.flatMap(({ pool }) => pool))]
  const place = new Map(used.map((row, i) => [row, i]))
  const { dim } = rows
  const choices = await policy.greedy(
    {
      queries: { data: stacked(asked.map(({ row }) => row)), dim },
      candidates: { data: stacked(used.map((row) => rows.row(row))), dim },
      items: asked.map(({ pool }, row) => ({ row, pool: pool.map((one) => place.get(one)!) })),
    },
    { shots },
  )
  return choices.map(({ pointer, stepLogProbs }, i) =>
    Array.from(pointer, (position, step) => ({
      row: asked[i]!.pool[position]!,
      probability: Math.exp(stepLogProbs[step]!),
    })),
  )
}
