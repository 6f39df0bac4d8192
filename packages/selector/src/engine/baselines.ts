import { InputError } from '@lever/durable-files'
import { createSelector, resolveSelectors, SELECTOR_NAMES, type Selector } from '@lever/icl-eval'
import type { EmbeddingKind } from '@lever/tensor-files'

/** The name by which the policy of a bundle is asked for. */
export const POLICY = 'policy'

/** Baselines that rank by a cosine, which is their score. */
export const RANKED_BY: ReadonlyMap<string, EmbeddingKind> = new Map([
  ['rices-image', 'image'],
  ['rices-text', 'text'],
  ['rices-both', 'both'],
])

/**
 * A selector of `icl-eval` by its name.
 * @throws InputError if there is none of this name, or it needs what a question in service does not have
 */
export function baselineOf(name: string): Selector {
  const [selector] = resolveSelectors([name])
  if (choosesExamples(selector!)) return selector!
  throw new InputError(
    `selector: ${name} chooses no demonstrations; choose one of ${baselineNames().join(', ')}`,
  )
}

/** {@link baselineOf} that makes each selector once. */
export function keptBaselines(): (name: string) => Selector {
  const made = new Map<string, Selector>()
  return (name) => {
    const selector = made.get(name) ?? baselineOf(name)
    made.set(name, selector)
    return selector
  }
}

/** Selectors that choose for any question, without a model or measured rewards. */
export function baselineNames(): string[] {
  return SELECTOR_NAMES.filter((name) => {
    try {
      return choosesExamples(createSelector(name))
    } catch {
      return false
    }
  })
}

function choosesExamples(selector: Selector): boolean {
  return selector.shots === 'many' && selector.votes !== true && selector.answer === undefined
}
