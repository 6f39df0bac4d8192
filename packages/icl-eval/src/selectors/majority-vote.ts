import { refuseUnknownOptions } from '@lever/durable-files/known-options'

import { eligible } from './candidates.ts'
import { NAME_OPTIONS } from './types.ts'
import type { NameOptions, Selector, SelectorDefinition } from './types.ts'
import { vote } from './vote.ts'

/** Answers with the most frequent answer of the pool, without a model. Ties go to the answer that comes first. */
export function majorityVote(options: NameOptions = {}): Selector {
  refuseUnknownOptions(options, NAME_OPTIONS, 'icl-eval: majorityVote')
  const { name = 'majority-vote' } = options
  return {
    name,
    shots: 'zero',
    seeded: false,
    nested: true,
    needs: [],
    select(context, k) {
      eligible(context, k, name)
      if (k !== 0) throw new RangeError(`icl-eval: ${name} shows 0 demonstrations, not ${k}`)
      return []
    },
    answer(context) {
      const positions = eligible(context, 0, name)
      return vote(positions.map((position) => ({ answer: context.pool[position]!.answer, weight: 1 })))
    },
  }
}

export const definition: SelectorDefinition<never> = {
  order: 20,
  summary: 'no prompt: the most frequent answer of the library',
  takes: [],
  requires: [],
  scope: 'library',
  baseline: true,
  create: majorityVote,
}
