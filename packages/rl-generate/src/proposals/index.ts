import { beam } from './beam.ts'
import { exhaustive } from './exhaustive.ts'
import { file } from './file.ts'
import { nested } from './nested.ts'
import { random } from './random.ts'
import { retrieval, type RetrievalOptions } from './retrieval.ts'
import { sample, type SampleOptions } from './sample.ts'
import type { CountOption, ProposalMethod } from './types.ts'

/** The options of every proposal method, by name. */
export interface ProposalOptions {
  beam: CountOption
  sample: SampleOptions
  retrieval: RetrievalOptions
  nested: CountOption
  random: CountOption
  exhaustive: CountOption
  file: Partial<CountOption>
}

export type ProposalMethodName = keyof ProposalOptions

/** The proposal methods: a file, its options above and its entry here make a method. */
export const PROPOSAL_METHODS: { readonly [M in ProposalMethodName]: ProposalMethod<ProposalOptions[M]> } = {
  beam,
  sample,
  retrieval,
  nested,
  random,
  exhaustive,
  file,
}

export const PROPOSAL_METHOD_NAMES: readonly ProposalMethodName[] = Object.keys(
  PROPOSAL_METHODS,
) as ProposalMethodName[]

/** One line of a mix: a method and its options, e.g. `{ method: 'sample', count: 2, temperatures: [1] }`. */
export type ProposalRequest = {
  [M in ProposalMethodName]: { method: M } & ProposalOptions[M]
}[ProposalMethodName]
