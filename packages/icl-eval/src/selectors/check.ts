import { eligible } from './candidates.ts'
import type { SelectionContext, Selector } from './types.ts'

/** The contexts of one selector: with its own pool where it has one. */
export function contextFor(selector: Selector, context: SelectionContext): SelectionContext {
  return selector.pool === undefined ? context : { ...context, pool: selector.pool }
}

/**
 * Selects for many queries, in one call where the selector can, and checks what comes back: k distinct ids of the
 * pool (at most k where the selector stops), never the query. Throws RangeError otherwise, so a broken policy cannot pass for a weak one.
 */
export async function selectAll(
  selector: Selector,
  contexts: readonly SelectionContext[],
  k: number,
): Promise<readonly (readonly number[])[]> {
  for (const context of contexts) eligible(context, k, selector.name)
  const chosen = selector.selectMany
    ? await selector.selectMany(contexts, k)
    : await Promise.all(contexts.map(async (context) => selector.select(context, k)))
  if (chosen.length !== contexts.length) {
    throw new RangeError(
      `icl-eval: ${selector.name} returned ${chosen.length} selections for ${contexts.length} queries`,
    )
  }
  contexts.forEach((context, i) => checkSelection(selector, context, chosen[i]!, k))
  return chosen
}

function checkSelection(
  { name, stops = false }: Selector,
  { query, pool, excluded }: SelectionContext,
  ids: readonly number[],
  k: number,
): void {
  const fail = (what: string): never => {
    throw new RangeError(`icl-eval: ${name} selected [${ids.join(', ')}] for query ${query.id}: ${what}`)
  }
  if (ids.length > k || (ids.length < k && !stops)) fail(`${ids.length} demonstrations instead of ${k}`)
  if (new Set(ids).size !== ids.length) fail('an example appears twice')
  const members = idsOf(pool)
  for (const id of ids) {
    if (id === query.id) fail('the query cannot be its own demonstration')
    if (excluded?.has(id) === true) fail(`${id} shows the image of the query`)
    if (!members.has(id)) fail(`${id} is not in the pool of this query`)
  }
}

const idSets = new WeakMap<SelectionContext['pool'], ReadonlySet<number>>()

/** The ids of a pool, made once for a library that all queries share. */
function idsOf(pool: SelectionContext['pool']): ReadonlySet<number> {
  const ids = idSets.get(pool) ?? new Set(pool.map(({ id }) => id))
  idSets.set(pool, ids)
  return ids
}
