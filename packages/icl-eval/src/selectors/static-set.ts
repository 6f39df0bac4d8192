import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import type { Example } from '../types.ts'
import { arrange, best, eligible } from './candidates.ts'
import type { Selector, SelectorDefinition } from './types.ts'

/** The sets by number of shots, and a name. */
export interface StaticSetOptions {
  /** The name in tables and rows. Default `static`. */
  readonly name?: string
  /** Sets in prompt order, of the lengths that will be asked for; a shorter set may be a prefix of a longer one. */
  readonly sets: readonly (readonly Example[])[]
}

export const STATIC_SET_OPTIONS: OptionNames<StaticSetOptions> = { name: true, sets: true }

/**
 * The same demonstrations for every query: for k shots the set of length k, else the first k of the shortest longer
 * set. `findStaticSets` finds the best of many random sets on validation questions. It has its own pool, the members
 * of the sets. Throws when no set is long enough or when the query is a member.
 */
export function staticSet(options: StaticSetOptions): Selector {
  refuseUnknownOptions(options, STATIC_SET_OPTIONS, 'icl-eval: staticSet')
  const { name = 'static', sets } = options
  const byLength = [...sets].sort((a, b) => a.length - b.length)
  const pool = Array.from(new Map(sets.flat().map((example) => [example.id, example])).values())
  return {
    name,
    shots: 'many',
    seeded: false,
    nested: false,
    needs: [],
    pool,
    select(context, k) {
      eligible(context, k, name)
      const set = byLength.find((candidate) => candidate.length >= k)
      if (set === undefined && k > 0) {
        throw new RangeError(`icl-eval: ${name} has no set of ${k} examples; search sets of ${k} shots`)
      }
      const ids = (set ?? []).slice(0, k).map((example) => example.id)
      if (ids.includes(context.query.id)) {
        throw new RangeError(
          `icl-eval: ${name} contains query ${context.query.id}; take the set from the training split`,
        )
      }
      return ids
    },
  }
}

/** Main effects by example, and a name. */
export interface StaticEffectsOptions {
  /** The name in tables and rows. Default `static`. */
  readonly name?: string
  /** What showing an example gains for every query alike, by its id: `mainEffects` of `rl-dataset`. Missing ones are 0. */
  readonly effects: ReadonlyMap<number, number>
}

export const STATIC_EFFECTS_OPTIONS: OptionNames<StaticEffectsOptions> = { name: true, effects: true }

/**
 * The k examples with the largest main effects, the best last, so the same for every query but for what it may not be
 * shown. From the whole library, or as `pool:static` those of the pool. Ties keep the order of the library.
 */
export function staticEffects(options: StaticEffectsOptions): Selector {
  refuseUnknownOptions(options, STATIC_EFFECTS_OPTIONS, 'icl-eval: staticEffects')
  const { name = 'static', effects } = options
  return {
    name,
    shots: 'many',
    seeded: false,
    nested: true,
    needs: [],
    scope: 'library',
    select(context, k) {
      const positions = eligible(context, k, name)
      const effect = (position: number): number => effects.get(context.pool[position]!.id) ?? 0
      return arrange(best(positions, effect, k), context.pool, 'best-last')
    },
  }
}

export const definition: SelectorDefinition<'sets'> = {
  order: 50,
  summary:
    'one set for all queries: the best by main effects on measured data, or the best of many random sets',
  takes: ['sets'],
  requires: ['sets'],
  baseline: true,
  create: ({ sets, ...options }) =>
    Array.isArray(sets)
      ? staticSet({ ...options, sets: sets as readonly (readonly Example[])[] })
      : staticEffects({ ...options, effects: sets as ReadonlyMap<number, number> }),
}
