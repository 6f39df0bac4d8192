import { createRandom } from '@lever/reward-utils'
import { pickOptions } from '@lever/durable-files/known-options'
import { packPlans } from '../generate/plan.ts'
import type { PlanOptions, PointerPlan } from '../generate/plan.ts'
import { PROPOSE_OPTIONS, proposePointers } from '../proposals/propose.ts'
import type { ProposeOptions } from '../proposals/propose.ts'
import { countSequences, pointerKey } from '../proposals/sequences.ts'
import type { PolicyProposer, Proposal } from '../proposals/types.ts'
import { similarityOf } from '../similarity.ts'

/** `gen_method` of what a member of the ensemble chose. */
export const THOMPSON = 'thompson'

/** Query id -> pointers as positions in its pool. */
export type KnownPointers = ReadonlyMap<number, readonly (readonly number[])[]>

export interface RoundPlanOptions extends PlanOptions {
  /** 1, 2, ... */
  readonly round: number
  /** Policies that propose in the place of the mix; none in round 1. */
  readonly members: readonly PolicyProposer[]
  /** Pointers of earlier rounds, which are not proposed again. */
  readonly known: KnownPointers
}

/**
 * The pointers of a round, `size` (G) for every query, all new: a random part of what the mix proposes, or, where there are
 * members, what a random one of them finds best, pointer by pointer (Thompson sampling; Thompson 1933, with an ensemble for the
 * posterior as in Osband et al. 2016). A pool with too few new pointers gives fewer.
 *
 * @throws as `proposePointers`
 */
export async function planRound(options: RoundPlanOptions): Promise<PointerPlan> {
  const { queries, pools, shots, features = {}, ...rest } = options
  const similarities = Object.fromEntries(
    Object.entries(features).map(([kind, pair]) => [kind, similarityOf(pair, kind)]),
  )
  const poolOf = (id: number): readonly number[] => pools.byQuery.get(id)!
  const propose = rest.members.length === 0 ? partOfMix : thompson
  const plans = await packPlans(queries, shots, (batch) =>
    propose({
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

async function partOfMix(options: BatchOptions): Promise<Proposal[][]> {
  const { queries, seed, round, size } = options
  const usual = await proposePointers(proposing(options))
  return queries.map(({ queryId }, i) =>
    createRandom(seed, 'round', round, queryId).shuffle(usual[i]!).slice(0, size),
  )
}

async function thompson(options: BatchOptions): Promise<Proposal[][]> {
  const { queries, seed, round, members, known, size } = options
  const best: Proposal[][][] = []
  for (const policy of members) best.push(await bestOf({ ...options, policy }))
  return queries.map(({ queryId }, i) => {
    const random = createRandom(seed, THOMPSON, round, queryId)
    const taken = new Set((known.get(queryId) ?? []).map(pointerKey))
    const chosen: Proposal[] = []
    for (let g = 0; g < size; g++) {
      const next = best[random.int(members.length)]![i]!.find(
        ({ pointer }) => !taken.has(pointerKey(pointer)),
      )
      if (next === undefined) continue
      taken.add(pointerKey(next.pointer))
      chosen.push({ ...next, method: THOMPSON })
    }
    return chosen
  })
}

/** The best pointers of a policy by beam search, so many that `size` are left without the known ones. */
async function bestOf(options: BatchOptions): Promise<Proposal[][]> {
  const { queries, known, shots, size } = options
  const widths = queries.map(({ queryId, poolIds }) =>
    Math.min(size + (known.get(queryId)?.length ?? 0), countSequences(poolIds.length, shots)),
  )
  const mix = [{ method: 'beam', count: widths.reduce((a, b) => Math.max(a, b)) } as const]
  return proposePointers({ ...proposing(options), known: new Map(), mix, size: 0 })
}

/** What of a round its proposals depend on. */
function proposing(options: BatchOptions): ProposeOptions {
  return pickOptions<ProposeOptions>(options, PROPOSE_OPTIONS)
}
