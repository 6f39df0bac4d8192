import type { EmbeddingPairs } from '@lever/tensor-files'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import type { ProposeFunction } from '../measure/types.ts'
import type { Pools } from '../pools/types.ts'
import type { ProposalRequest } from '../proposals/methods.ts'
import { proposePointers } from '../proposals/propose.ts'
import type { PolicyProposer, Proposal } from '../proposals/types.ts'
import { similarityOf } from '../similarity.ts'
import { packProposals } from './packed-proposals.ts'
import type { PackedProposals } from './packed-proposals.ts'

/** Queries, pools and mix of which pointers are planned. */
export interface PlanOptions {
  /** Ids of the queries; each needs a pool. */
  readonly queries: readonly { readonly id: number }[]
  /** The pool of every query: pointers are positions in it. */
  readonly pools: Pools
  /** In the order of preference. */
  readonly features?: EmbeddingPairs | undefined
  /** Needed by the methods `beam` and `sample`. */
  readonly policy?: PolicyProposer | undefined
  /** Query id -> pointers as ids of examples, for method `file`. */
  readonly file?: ReadonlyMap<number, readonly (readonly number[])[]> | undefined
  /** Proposal methods with their options, in order of priority. */
  readonly mix: readonly ProposalRequest[]
  /** K */
  readonly shots: number
  /** G: random pointers fill every group up to it. */
  readonly size: number
  /** Seed of what is drawn. */
  readonly seed: number
}

export const PLAN_OPTIONS: OptionNames<PlanOptions> = {
  queries: true,
  pools: true,
  features: true,
  policy: true,
  file: true,
  mix: true,
  shots: true,
  size: true,
  seed: true,
}

/**
 * Queries whose pointers are proposed together. Fixed, so that a policy's arithmetic does not
 * depend on what is done already.
 */
export const PLAN_BATCH = 64

/** What will be measured. */
export interface PointerPlan {
  /** Number of pointers of the first round. */
  readonly pointers: number
  /** The same for some of the queries. */
  readonly pointersOf: (queries: readonly { readonly id: number }[]) => number
  readonly propose: ProposeFunction
}

/** Proposes for all queries, `PLAN_BATCH` at a time. */
export async function packPlans(
  queries: readonly { readonly id: number }[],
  shots: number,
  propose: (batch: readonly { readonly id: number }[]) => Promise<Proposal[][]>,
): Promise<PackedProposals> {
  const plans = packProposals(shots)
  for (let first = 0; first < queries.length; first += PLAN_BATCH) {
    const batch = queries.slice(first, first + PLAN_BATCH)
    const groups = await propose(batch)
    batch.forEach(({ id }, i) => plans.add(id, groups[i]!))
  }
  return plans
}

/**
 * Plans all pointers before the first is measured, so that an interrupted run measures the same
 * ones. Later rounds, for queries whose rewards are all equal, are planned query by query.
 *
 * @throws as `proposePointers`
 */
export async function planPointers(options: PlanOptions): Promise<PointerPlan> {
  refuseUnknownOptions(options, PLAN_OPTIONS, 'rl-generate: planPointers')
  const { queries, pools, features = {}, ...rest } = options
  const similarities = Object.fromEntries(
    Object.entries(features).map(([kind, pair]) => [kind, similarityOf(pair, kind)]),
  )
  const propose = (
    examples: readonly { readonly id: number }[],
    round: Partial<Parameters<ProposeFunction>[1]> = {},
  ): Promise<Proposal[][]> => {
    const batch = examples.map(({ id }) => ({ queryId: id, poolIds: pools.byQuery.get(id)! }))
    return proposePointers({ ...rest, ...round, queries: batch, similarities })
  }
  const plans = await packPlans(queries, rest.shots, propose)
  const pointersOf: PointerPlan['pointersOf'] = (some) =>
    some.reduce((sum, { id }) => sum + plans.countOf(id), 0)
  return {
    pointers: plans.size,
    pointersOf,
    async propose(examples, round) {
      const groups =
        round.round === 0 ? examples.map(({ id }) => plans.of(id)) : await propose(examples, round)
      return examples.map(({ id }, i) => ({ poolIds: pools.byQuery.get(id)!, proposals: groups[i]! }))
    },
  }
}
