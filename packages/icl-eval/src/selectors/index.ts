import { InputError } from '@lever/durable-files'
import { refuseUnknownNames, remedyForName } from '@lever/durable-files/known-options'
import { overLibrary } from './scope.ts'
import * as TABLE from './table.ts'
import type { Selector, SelectorDefinition, SelectorOptions } from './types.ts'

/** A name of {@link SELECTORS}. */
export type SelectorName = keyof typeof TABLE

/** Names that stand before another: `pool:bm25`. */
export const DERIVED = ['pool', 'reversed', 'shuffled', 'vote'] as const

/** A selector made of another one: `pool:bm25`, `vote:rices-both`. */
export type DerivedSelector = `${(typeof DERIVED)[number]}:${string}`

/** A selector where it is asked for by name: of the table, made of another, or a policy's own name. */
export type SelectorRequest = SelectorName | DerivedSelector | (string & {})

/** The selectors by name. */
export const SELECTORS: Readonly<Record<SelectorName, SelectorDefinition>> = TABLE

/** The names of the selectors, in the order in which tables list them. */
export const SELECTOR_NAMES: readonly SelectorName[] = (Object.keys(TABLE) as SelectorName[]).sort(
  (a, b) => SELECTORS[a].order - SELECTORS[b].order,
)

/** What `createSelector` takes for a name: the options that this selector is made of. */
export type SelectorOptionsOf<Name extends SelectorName> =
  (typeof TABLE)[Name] extends SelectorDefinition<infer Takes> ? Pick<SelectorOptions, 'name' | Takes> : never

/**
 * Makes the selector of that name.
 * @throws InputError for a name that is not in the table, and for an option that this selector does not take; TypeError if
 * a required option is missing
 */
export function createSelector<Name extends SelectorName>(
  name: Name,
  options?: SelectorOptionsOf<Name>,
): Selector {
  if (!Object.hasOwn(SELECTORS, name)) {
    throw new InputError(`icl-eval: there is no selector ${name}; ${remedyForName(name, SELECTOR_NAMES)}`)
  }
  refuseUnknownNames(options, ['name', ...SELECTORS[name].takes], `icl-eval: the selector ${name}`)
  return selectorFrom(name, options ?? {})
}

/** Makes a selector of those of some options that it takes. Throws as `createSelector` where one that it requires is missing. */
export function selectorFrom(name: SelectorName, options: SelectorOptions): Selector {
  const definition = SELECTORS[name]
  for (const option of definition.requires) {
    if (options[option] !== undefined) continue
    throw new TypeError(`icl-eval: the selector ${name} needs the option ${option} (${definition.summary})`)
  }
  const taken = Object.entries(options).filter(
    ([key]) => key === 'name' || definition.takes.includes(key as 'of'),
  )
  const selector = definition.create(Object.fromEntries(taken))
  return definition.scope === 'library' ? overLibrary(selector) : selector
}

/** Names of selectors that need `option`: bounds need `measured`, orders of another one need `of`. */
export function namesNeeding(option: SelectorDefinition['requires'][number]): SelectorName[] {
  return SELECTOR_NAMES.filter((name) => SELECTORS[name].requires.includes(option))
}
