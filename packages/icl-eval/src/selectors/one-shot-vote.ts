import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import { random } from './random.ts'
import { overLibrary } from './scope.ts'
import type { Selector, SelectorDefinition } from './types.ts'

/** Whose choices vote. */
export interface OneShotVoteOptions {
  /** Default `vote`, or `vote:<name of the other>`. */
  readonly name?: string
  /** Whose demonstrations are shown one by one. Default random ones of the library. */
  readonly of?: Selector
}

export const ONE_SHOT_VOTE_OPTIONS: OptionNames<OneShotVoteOptions> = { name: true, of: true }

/**
 * The majority of k one-shot answers (self-consistency over demonstrations; Wang et al. 2023): each of the k
 * demonstrations is shown alone, so k shots cost k prompts, and what it gains owes nothing to choosing. Random ones are
 * those of the selector `random`.
 */
export function oneShotVote(options: OneShotVoteOptions = {}): Selector {
  refuseUnknownOptions(options, ONE_SHOT_VOTE_OPTIONS, 'icl-eval: oneShotVote')
  const { of = overLibrary(random()), name } = options
  const made = of.name !== 'random'
  return {
    ...of,
    name: name ?? (made ? `vote:${of.name}` : 'vote'),
    stream: of.stream ?? of.name,
    votes: true,
  }
}

export const definition: SelectorDefinition<'of'> = {
  order: 45,
  summary:
    'the majority of k one-shot answers, k prompts: with random examples, or as vote:NAME with those of another',
  takes: ['of'],
  requires: [],
  baseline: true,
  create: ({ of, name }) => oneShotVote({ ...(of && { of }), ...(name !== undefined && { name }) }),
}
