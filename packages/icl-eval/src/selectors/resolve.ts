import { InputError } from '@lever/durable-files'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import { DERIVED, selectorFrom, SELECTOR_NAMES } from './index.ts'
import type { SelectorName, SelectorRequest } from './index.ts'
import type { Selector, SelectorOptions } from './types.ts'

/** What selectors are made of whose names are given. */
export interface ResolveOptions extends Omit<SelectorOptions, 'name' | 'of' | 'select' | 'selectMany'> {
  /** Selectors that are known by a name of their own, such as trained policies. */
  readonly named?: readonly Selector[]
}

export const RESOLVE_OPTIONS: OptionNames<ResolveOptions> = {
  named: true,
  order: true,
  keep: true,
  lambda: true,
  measured: true,
  sets: true,
}

/**
 * Selectors of names as they are typed: a name of the table, the name of one of `named`, or `pool:NAME`, `reversed:NAME`
 * `shuffled:NAME` and `vote:NAME`. Throws InputError for an unknown name and for one that needs what is not given.
 */
export function resolveSelectors(
  names: readonly SelectorRequest[],
  options: ResolveOptions = {},
): Selector[] {
  refuseUnknownOptions(options, RESOLVE_OPTIONS, 'icl-eval: resolveSelectors')
  return names.map((name) => resolve(name, options))
}

function resolve(name: string, options: ResolveOptions): Selector {
  const { named = [], ...rest } = options
  const own = named.find((selector) => selector.name === name)
  if (own !== undefined) return own
  const colon = name.indexOf(':')
  const head = colon === -1 ? name : name.slice(0, colon)
  if (!isName(head) || (colon !== -1 && !isDerived(head))) {
    if (head === 'static-best') throw new InputError('icl-eval: static-best is called static now')
    const former = /^similarity-(image|text|both)$/.exec(head)?.[1]
    if (former !== undefined) {
      throw new InputError(
        `icl-eval: there is no selector ${name}; rices-${former} takes the most similar examples of the whole library, pool:rices-${former} those of the pool`,
      )
    }
    const known = [...SELECTOR_NAMES, ...named.map((selector) => selector.name)]
    throw new InputError(`icl-eval: there is no selector ${name}; choose one of ${known.join(', ')}`)
  }
  try {
    return selectorFrom(head, {
      ...rest,
      ...(colon !== -1 && { of: resolve(name.slice(colon + 1), options) }),
    })
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    throw new InputError(`${error.message}${remedy(head)}`, { cause: error })
  }
}

function remedy(name: SelectorName): string {
  if (name === 'agreement') {
    return '; train it with lever sft --target agreement, and give it with --policies agreement=FILE'
  }
  if (name === 'static') return '; give measured RL data of other questions with --static-data'
  return isDerived(name) ? `; write ${name}:rices-both, for example` : ''
}

const isDerived = (head: string): boolean => (DERIVED as readonly string[]).includes(head)

const isName = (name: string): name is SelectorName => (SELECTOR_NAMES as readonly string[]).includes(name)
