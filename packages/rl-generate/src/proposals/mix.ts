import { InputError } from '@lever/durable-files'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import type { ProposalRequest } from './methods.ts'

/** Pointers per query by default; with two temperatures 5 + 9 + 2 x 2 + 6 = 24. */
const DEFAULT_COUNTS = { beam: 5, retrieval: 9, sample: 2, random: 6 }

/** What proposals can be made of: a policy, embeddings, a number of pointers. */
export interface DefaultMixOptions {
  /** Are there embeddings? Without them all pointers are random. */
  readonly informed?: boolean
  /** Counts in place of the default ones; `sample` counts per temperature. */
  readonly counts?: Partial<typeof DEFAULT_COUNTS>
  /** For `sample`. */
  readonly temperatures?: readonly number[]
}

export const DEFAULT_MIX_OPTIONS: OptionNames<DefaultMixOptions> = {
  informed: true,
  counts: true,
  temperatures: true,
}

/**
 * A mix in which good pointers are likely: the policy's own, similar examples, and some random ones. Methods are in
 * order of priority for a pointer that several find. A method with count 0 keeps its place, on which depends what the
 * others draw.
 *
 * @throws InputError for a count that is not a whole number from 0
 */
export function defaultMix(options: DefaultMixOptions = {}): ProposalRequest[] {
  refuseUnknownOptions(options, DEFAULT_MIX_OPTIONS, 'rl-generate: defaultMix')
  const { informed = true, counts = {}, temperatures = [1, 1.3] } = options
  const wanted = { ...DEFAULT_COUNTS, ...counts }
  for (const [method, count] of Object.entries(wanted)) {
    if (Number.isSafeInteger(count) && count >= 0) continue
    throw new InputError(
      `rl-generate: ${count} ${method} pointers cannot be proposed; use a whole number from 0`,
    )
  }
  return [
    { method: 'beam', count: informed ? wanted.beam : 0 },
    { method: 'retrieval', count: informed ? wanted.retrieval : 0 },
    { method: 'sample', count: informed ? wanted.sample : 0, temperatures },
    { method: 'random', count: wanted.random },
  ]
}
