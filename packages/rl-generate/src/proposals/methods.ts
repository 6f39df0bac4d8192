import * as table from './index.ts'
import type { ProposalMethod } from './types.ts'

/** A name of {@link PROPOSAL_METHODS}. */
export type ProposalMethodName = keyof typeof table

/** The options of every proposal method, by name. */
export type ProposalOptions = {
  [M in ProposalMethodName]: Parameters<(typeof table)[M]['propose']>[1]
}

/** The proposal methods by name. */
export const PROPOSAL_METHODS: { readonly [M in ProposalMethodName]: ProposalMethod<ProposalOptions[M]> } =
  table

/** The names of the proposal methods. */
export const PROPOSAL_METHOD_NAMES: readonly ProposalMethodName[] = Object.keys(table) as ProposalMethodName[]

/** One line of a mix: a method and its options, e.g. `{ method: 'sample', count: 2, temperatures: [1] }`. */
export type ProposalRequest = {
  [M in ProposalMethodName]: { method: M } & ProposalOptions[M]
}[ProposalMethodName]
