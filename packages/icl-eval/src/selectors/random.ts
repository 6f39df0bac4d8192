import { refuseUnknownOptions } from '@lever/durable-files/known-options'

import { eligible } from './candidates.ts'
import { NAME_OPTIONS } from './types.ts'
import type { NameOptions, Selector, SelectorDefinition } from './types.ts'

/** k examples drawn without replacement; for one stream the first k of k + 1 are the same. */
export function random(options: NameOptions = {}): Selector {
  refuseUnknownOptions(options, NAME_OPTIONS, 'icl-eval: random')
  const { name = 'random' } = options
  return {
    name,
    shots: 'many',
    seeded: true,
    nested: true,
    needs: [],
    select(context, k) {
      const positions = eligible(context, k, name)
      return context.random.sample(positions, k).map((position) => context.pool[position]!.id)
    },
  }
}

export const definition: SelectorDefinition<never> = {
  order: 40,
  summary: 'random examples of the library, once per seed',
  takes: [],
  requires: [],
  scope: 'library',
  baseline: true,
  create: random,
}
