import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import { selectAll } from './check.ts'
import type { Selector, SelectorDefinition } from './types.ts'

/** The selector whose order is shuffled. */
export interface ShuffledOptions {
  /** The selector whose choices are shown in a random order. */
  readonly of: Selector
  /** Default `shuffled:<name of the other>`. */
  readonly name?: string
}

export const SHUFFLED_OPTIONS: OptionNames<ShuffledOptions> = { of: true, name: true }

/** The demonstrations of another selector in random order, once per seed. */
export function shuffled(options: ShuffledOptions): Selector {
  refuseUnknownOptions(options, SHUFFLED_OPTIONS, 'icl-eval: shuffled')
  const { of, name = `shuffled:${of.name}` } = options
  return {
    name,
    shots: of.shots,
    seeded: true,
    nested: of.nested,
    ...(of.stops && { stops: of.stops }),
    stream: of.stream ?? of.name,
    needs: of.needs,
    ...(of.scope && { scope: of.scope }),
    ...(of.pool && { pool: of.pool }),
    async select(context, k) {
      const ids = await of.select(context, k)
      return context.random.shuffle(ids)
    },
    async selectMany(contexts, k) {
      const chosen = await selectAll(of, contexts, k)
      return chosen.map((ids, i) => contexts[i]!.random.shuffle(ids))
    },
  }
}

export const definition: SelectorDefinition<'of'> = {
  order: 150,
  summary: 'the choice of another selector in random order, once per seed',
  takes: ['of'],
  requires: ['of'],
  create: (options) => shuffled({ ...options, of: options.of! }),
}
