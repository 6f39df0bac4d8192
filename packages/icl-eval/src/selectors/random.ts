import { eligible } from './candidates.ts'
import type { Selector } from './types.ts'

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
