import { eligible } from './candidates.ts'
import type { Selector, SelectorDefinition } from './types.ts'

/** k examples drawn without replacement; for one stream the first k of k + 1 are the same. */
export function random({ name = 'random' }: { readonly name?: string } = {}): Selector {
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

export const definition: SelectorDefinition = {
  order: 40,
  summary: 'random examples of the library, once per seed',
  requires: [],
  scope: 'library',
  baseline: true,
  create: random,
}
