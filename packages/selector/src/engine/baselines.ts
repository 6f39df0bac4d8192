import { InputError } from '@lever/durable-files'
import { createSelector, resolveSelectors, SELECTOR_NAMES } from '@lever/icl-eval'
import type { DerivedSelector, Selector, SelectorName } from '@lever/icl-eval'
import type { EmbeddingKind } from '@lever/tensor-files'
import { BUNDLE_FILES, type BundleManifest } from '../bundle/manifest.ts'

/** The name by which the policy of a bundle is asked for. */
export const POLICY = 'policy'

/** Who chooses: the policy of the bundle, or a baseline of `icl-eval`. */
export type SelectorChoice = typeof POLICY | SelectorName | DerivedSelector

/** The examples that gain most for every question alike, where the bundle knows what they gain. */
export const STATIC = 'static'

/** What showing an example gains for every question alike, by its id. */
export type StaticEffects = ReadonlyMap<number, number>

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
export function baselineOf(name: string, effects?: StaticEffects): Selector {
  if (name.split(':').at(-1) === STATIC && effects === undefined) {
    throw new InputError(
      `selector: ${name} needs to know what every example gains, and nothing here says it; make the bundle with --static-data, measured RL data`,
    )
  }
  const [selector] = resolveSelectors([name], { ...(effects && { sets: effects }) })
  if (choosesExamples(selector!)) return selector!
  throw new InputError(
    `selector: ${name} chooses no demonstrations; choose one of ${baselineNames().join(', ')}`,
  )
}

/** {@link baselineOf} that makes each selector once. */
export function keptBaselines(effects?: StaticEffects): (name: string) => Selector {
  const made = new Map<string, Selector>()
  return (name) => {
    const selector = made.get(name) ?? baselineOf(name, effects)
    made.set(name, selector)
    return selector
  }
}

/** Selectors that choose for any question, without a model or measured rewards. */
export function baselineNames(): SelectorName[] {
  return SELECTOR_NAMES.filter((name) => {
    try {
      return choosesExamples(createSelector(name))
    } catch {
      return false
    }
  })
}

/** All that can be asked of a bundle by name. */
export function selectorNames({ policy, files }: Pick<BundleManifest, 'policy' | 'files'>): SelectorChoice[] {
  const own: readonly SelectorChoice[] = policy === null ? [] : [POLICY]
  const gained: readonly SelectorChoice[] = Object.hasOwn(files, BUNDLE_FILES.static) ? [STATIC] : []
  return [...own, ...baselineNames(), ...gained]
}

function choosesExamples(selector: Selector): boolean {
  return selector.shots === 'many' && selector.votes !== true && selector.answer === undefined
}
