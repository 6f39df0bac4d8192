import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import { pointer } from './pointer.ts'
import type { Selector } from './types.ts'

/** A policy that is asked by ids. `byIds` of `pointer-model` makes one. */
export interface ChoosingPolicy {
  /** The ids that are chosen for every query, in prompt order; fewer than `shots` where the policy may stop and does. */
  choose(
    queries: readonly { readonly queryId: number; readonly poolIds: readonly number[] }[],
    options: { readonly shots: number; readonly decoding?: 'greedy' | 'beam'; readonly width?: number },
  ): Promise<readonly (readonly number[])[]>
}

/** A trained policy that chooses by ids. */
export interface PolicySelectorOptions {
  /** Name in tables, for example `pointer-rce`. Default `pointer`. */
  readonly name?: string
  /** What chooses, by ids: `byIds` of `pointer-model` is one. */
  readonly policy: ChoosingPolicy
  /** The likeliest next example, or the likeliest sequence that beam search finds. Default `greedy`. */
  readonly decoding?: 'greedy' | 'beam'
  /** Sequences that beam search keeps. Default 5. */
  readonly width?: number
  /** The policy may choose fewer than k. Default false. */
  readonly stops?: boolean
}

export const POLICY_SELECTOR_OPTIONS: OptionNames<PolicySelectorOptions> = {
  name: true,
  policy: true,
  decoding: true,
  width: true,
  stops: true,
}

/** A trained policy as a selector. With greedy decoding its choice of any k begins with that of k - 1. */
export function policySelector(options: PolicySelectorOptions): Selector {
  refuseUnknownOptions(options, POLICY_SELECTOR_OPTIONS, 'icl-eval: policySelector')
  const { name = 'pointer', policy, decoding = 'greedy', width = 5, stops = false } = options
  const selectMany: NonNullable<Selector['selectMany']> = (contexts, shots) =>
    policy.choose(
      contexts.map(({ query, pool }) => ({ queryId: query.id, poolIds: pool.map(({ id }) => id) })),
      { shots, decoding, width },
    )
  const chooseFor: NonNullable<Selector['chooseFor']> = (contexts, queries, shots) =>
    policy.choose(
      contexts.map(({ query, pool, excluded }, i) => ({
        queryId: queries[i]!.id,
        poolIds: pool.map(({ id }) => id).filter((id) => id !== query.id && excluded?.has(id) !== true),
      })),
      { shots, decoding, width },
    )
  const selector = pointer({
    name,
    select: async (context, shots) => (await selectMany([context], shots))[0]!,
    selectMany,
    nested: decoding === 'greedy',
    stops,
  })
  return { ...selector, chooseFor }
}
