import { createRandom } from '@lever/reward-utils'
import { pickOptions } from '@lever/durable-files/known-options'
import { packPlans } from '../generate/plan.ts'
import type { PlanOptions, PointerPlan } from '../generate/plan.ts'
import { PROPOSE_OPTIONS, proposePointers } from '../proposals/propose.ts'
import type { ProposeOptions } from '../proposals/propose.ts'
import { countSequences } from '../proposals/sequences.ts'
import type { Proposal } from '../proposals/types.ts'
import { similarityOf } from '../similarity.ts'

/** Query id -> pointers as positions in its pool. */
export type KnownPointers = ReadonlyMap<number, readonly (readonly number[])[]>

export interface RoundPlanOptions extends PlanOptions {
  /** 1, 2, ... */
  readonly round: number
  /** Share of the pointers of a query that are drawn from the mix; the others are the policy's best. */
  readonly explore: number
  /** Pointers of earlier rounds, which are not proposed again. */
  readonly known: KnownPointers
}

/**
 * The pointers of a round, `size` (G) for every query, all new: the best of the policy by beam search, and a random part
 * of what the mix proposes; random pointers where that is too little.
 *
 * @throws as `proposePointers`
 */
export async function planRound(options: RoundPlanOptions): Promise<PointerPlan> {
  const { queries, pools, shots, features = {}, ...rest } = options
  const similarities = Object.fromEntries(
    Object.entries(features).map(([kind, pair]) => [kind, similarityOf(pair, kind)]),
  )
  const poolOf = (id: number): readonly number[] => pools.byQuery.get(id)!
  const plans = await packPlans(queries, shots, (batch) =>
    proposeRound({
      ...{ ...rest, shots, similarities },
      queries: batch.map(({ id }) => ({ queryId: id, poolIds: poolOf(id) })),
    }),
  )
  return {
    pointers: plans.size,
    pointersOf: (some) => some.reduce((sum, { id }) => sum + plans.countOf(id), 0),
    propose: (examples) => examples.map(({ id }) => ({ poolIds: poolOf(id), proposals: plans.of(id) })),
  }
}

type BatchOptions = Omit<RoundPlanOptions, 'queries' | 'pools' | 'features'> &
  Pick<ProposeOptions, 'queries' | 'similarities'>

async function proposeRound(options: BatchOptions): Promise<Proposal[][]> {
  const { queries, seed, round, known, explore, size } = options
  const best = await bestOf(options, Math.round((1 - explore) * size))
  const taken = new Map(
    queries.map(({ queryId }, i) => [
      queryId,
      [...(known.get(queryId) ?? []), ...best[i]!.map(({ pointer }) => pointer)],
    ]),
  )
  const usual = await proposePointers({ ...proposing(options), known: taken })
  return queries.map(({ queryId }, i) => {
    const random = createRandom(seed, 'round', round, queryId)
    return [...best[i]!, ...random.shuffle(usual[i]!).slice(0, size - best[i]!.length)]
  })
}

/** What of a round its proposals depend on. */
function proposing(options: BatchOptions): ProposeOptions {
  return pickOptions<ProposeOptions>(options, PROPOSE_OPTIONS)
}

/** The `count` best new pointers of the policy: its search is so wide that as many are left without the known ones. */
async function bestOf(options: BatchOptions, count: number): Promise<Proposal[][]> {
  const { queries, known, shots } = options
  if (count === 0) return queries.map(() => [])
  const widths = queries.map(({ queryId, poolIds }) =>
    Math.min(count + (known.get(queryId)?.length ?? 0), countSequences(poolIds.length, shots)),
  )
  const mix = [{ method: 'beam', count: widths.reduce((a, b) => Math.max(a, b)) } as const]
  const found = await proposePointers({ ...proposing(options), mix, size: 0 })
  return found.map((group) => group.slice(0, count))
}
