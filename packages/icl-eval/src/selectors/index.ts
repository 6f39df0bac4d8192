import { overLibrary } from './scope.ts'
import * as TABLE from './table.ts'
import type { Selector, SelectorDefinition, SelectorOptions } from './types.ts'

export type SelectorName = keyof typeof TABLE

/** The selectors by name. */
export const SELECTORS: Readonly<Record<SelectorName, SelectorDefinition>> = TABLE

/** The names of the selectors, in the order in which tables list them. */
export const SELECTOR_NAMES: readonly SelectorName[] = (Object.keys(TABLE) as SelectorName[]).sort(
  (a, b) => SELECTORS[a].order - SELECTORS[b].order,
)

/**
 * Makes the selector of that name.
 * @throws TypeError if a required option is missing
 */
export function createSelector(name: SelectorName, options: SelectorOptions = {}): Selector {
  const definition = SELECTORS[name]
  for (const option of definition.requires) {
    if (options[option] !== undefined) continue
    throw new TypeError(`icl-eval: the selector ${name} needs the option ${option} (${definition.summary})`)
  }
  const selector = definition.create(options)
  return definition.scope === 'library' ? overLibrary(selector) : selector
}

/** Names of selectors that need `option`: bounds need `measured`, orders of another one need `of`. */
export function namesNeeding(option: SelectorDefinition['requires'][number]): SelectorName[] {
  return SELECTOR_NAMES.filter((name) => SELECTORS[name].requires.includes(option))
}
