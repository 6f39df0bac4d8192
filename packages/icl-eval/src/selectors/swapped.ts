import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import type { Example } from '../types.ts'
import type { Random } from '@lever/reward-utils'
import type { SelectionContext, Selector } from './types.ts'

/** Beginning of the names of selectors that show every query what another one would be shown. */
export const SWAPPED = 'swapped:'

/** One stream for all of them, so that policies are swapped alike. */
const STREAM = 'swapped'

/** What was chosen for every query, by number of shots. */
export type Choices = ReadonlyMap<number, ReadonlyMap<number, readonly number[]>>

/** The selector whose choices are shown to other queries. */
export interface SwappedOptions {
  /** The selector whose choices are shown to other queries; `swappedWithin` needs its `chooseFor`. */
  readonly of: Selector
  /** All evaluated queries. */
  readonly queries: readonly Example[]
}

export const SWAPPED_OPTIONS: OptionNames<SwappedOptions> = { of: true, queries: true }

/**
 * The choices of a selector shuffled over the queries: what is left of its gain owes nothing to the query. Once per
 * seed, the queries are put in a random order, and each is shown what was chosen for the next one about another image
 * whose choice it may be shown (never itself, nor an example about its image).
 */
export function swappedChoices({
  of,
  queries,
  choices,
}: SwappedOptions & { readonly choices: Choices }): Selector {
  return {
    ...swapping(of),
    scope: 'library',
    select: (context, k) => select([context], k)[0]!,
    selectMany: (contexts, k) => Promise.resolve(select(contexts, k)),
  }

  function select(contexts: readonly SelectionContext[], k: number): (readonly number[])[] {
    const order = queriesInOrder(queries, contexts)
    return contexts.map(({ query, excluded }) => {
      const others = followers(order, query)
      const shown = others.map((other) => choices.get(k)?.get(other.id))
      const found = shown.find((ids) => ids?.every((id) => id !== query.id && excluded?.has(id) !== true))
      if (found !== undefined) return found
      throw new RangeError(
        `icl-eval: no other query has a choice of ${of.name} that query ${query.id} may be shown`,
      )
    })
  }
}

/**
 * What a selector would choose from the pool of each query for another one, in the order of `swappedChoices`. Where only
 * measured pointers count, choices from other pools were seldom measured, and these were.
 */
export function swappedWithin(options: SwappedOptions): Selector {
  refuseUnknownOptions(options, SWAPPED_OPTIONS, 'icl-eval: swappedWithin')
  const { of, queries } = options
  const selectMany: NonNullable<Selector['selectMany']> = (contexts, k) => {
    const order = queriesInOrder(queries, contexts)
    return of.chooseFor!(
      contexts,
      contexts.map(({ query }) => followers(order, query)[0] ?? query),
      k,
    )
  }
  return {
    ...swapping(of),
    scope: 'pool',
    select: async (context, k) => (await selectMany([context], k))[0]!,
    selectMany,
  }
}

function swapping(of: Selector): Omit<Selector, 'select'> {
  const { shots, nested, stops } = of
  return {
    name: `${SWAPPED}${of.name}`,
    shots,
    nested,
    seeded: true,
    stream: STREAM,
    needs: [],
    ...(stops && { stops }),
  }
}

function queriesInOrder(
  queries: readonly Example[],
  [first]: readonly SelectionContext[],
): readonly Example[] {
  const random: Random | undefined = first?.shared?.()
  if (random === undefined)
    throw new RangeError('icl-eval: swapped choices need the stream that queries share')
  return random.shuffle(queries)
}

/** The queries about other images that come after one, the first of them the next. */
function followers(order: readonly Example[], query: Example): Example[] {
  const at = order.findIndex(({ id }) => id === query.id)
  const after = [...order.slice(at + 1), ...order.slice(0, at)]
  return after.filter(({ imageId }) => imageId === null || String(imageId) !== String(query.imageId))
}
