import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import { selectAll } from './check.ts'
import type { Selector, SelectorDefinition } from './types.ts'

/** The selector whose order is reversed. */
export interface ReversedOptions {
  /** The selector whose choices are shown in the other order. */
  readonly of: Selector
  /** Default `reversed:<name of the other>`. */
  readonly name?: string
}

export const REVERSED_OPTIONS: OptionNames<ReversedOptions> = { of: true, name: true }

/** The demonstrations of another selector in reverse order: how much does order matter? */
export function reversed(options: ReversedOptions): Selector {
  refuseUnknownOptions(options, REVERSED_OPTIONS, 'icl-eval: reversed')
  const { of, name = `reversed:${of.name}` } = options
  return {
    name,
    shots: of.shots,
    seeded: of.seeded,
    nested: of.nested,
    ...(of.stops && { stops: of.stops }),
    stream: of.stream ?? of.name,
    needs: of.needs,
    ...(of.scope && { scope: of.scope }),
    ...(of.pool && { pool: of.pool }),
    async select(context, k) {
      const ids = await of.select(context, k)
      return ids.toReversed()
    },
    async selectMany(contexts, k) {
      const chosen = await selectAll(of, contexts, k)
      return chosen.map((ids) => ids.toReversed())
    },
  }
}

export const definition: SelectorDefinition<'of'> = {
  order: 140,
  summary: 'the choice of another selector in reverse order',
  takes: ['of'],
  requires: ['of'],
  create: (options) => reversed({ ...options, of: options.of! }),
}
