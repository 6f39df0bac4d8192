import type { EmbeddingMatrix } from '@lever/tensor-files'
import type { PolicyInput } from '../batches.ts'
import type { Policy } from '../policy.ts'
import { baselineChoice, baselineScores, standardised } from './baselines.ts'
import type { Floor, FloorQuery } from './types.ts'

/** Queries and their pools as rows of `input`, with the ids of the candidates. */
export interface FloorInput {
  readonly input: PolicyInput
  readonly queryIds: readonly number[]
  /** [B] of [N] */
  readonly poolIds: readonly (readonly number[])[]
}

/** Every query with the rows of its pool. */
export function floorQueries({ input, queryIds, poolIds }: FloorInput): FloorQuery[] {
  const { queries, candidates = queries, items } = input
  return items.map(({ row, pool }, i) => ({
    query: rowOf(queries, row),
    pool: Array.from(pool, (each) => rowOf(candidates, each)),
    ids: poolIds[i]!,
    queryId: queryIds[i]!,
  }))
}

/** What a checkpoint with a floor chooses: positions in the pools in prompt order, [B] of [K]. */
export async function chooseByFloor(
  policy: Pick<Policy, 'greedyWith'>,
  { baseline, weight }: Floor,
  asked: FloorInput,
  shots: number,
): Promise<Int32Array[]> {
  const queries = floorQueries(asked)
  if (weight === undefined) {
    return queries.map((query, i) => baselineChoice(baseline, query, shots, asked.input.items[i]!.exclude))
  }
  const offsets = queries.map((query) => standardised(baselineScores(baseline, query)).map((z) => weight * z))
  return policy.greedyWith(asked.input, { shots, offsets })
}

function rowOf({ data, dim }: Pick<EmbeddingMatrix, 'data' | 'dim'>, row: number): Float32Array {
  return data.subarray(row * dim, (row + 1) * dim)
}
