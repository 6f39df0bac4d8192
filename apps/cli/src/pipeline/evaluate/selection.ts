import { InputError } from '@lever/durable-files'
import type { Selector, SelectorName } from '@lever/icl-eval'
import type { Features } from '../inputs/features.ts'
import { pairsOf } from '../inputs/features.ts'

/** Stands for every selector that what was given allows. */
export const ALL = 'all'

/** Selectors of the table that stand for something else than a choice of their own. */
const DERIVED: ReadonlySet<string> = new Set<SelectorName>(['pointer', 'reversed', 'shuffled'])

/**
 * `all` as names: the table, as far as the embeddings allow it, then the order of `focus` reversed and shuffled.
 * Other names stay.
 */
export async function expandSelectors(
  names: readonly string[],
  {
    focus,
    features,
    without = [],
  }: { focus: string; features: Features | undefined; without?: readonly string[] },
): Promise<string[]> {
  if (names.includes('pointer')) {
    throw new InputError(
      '--selectors: pointer stands for policies; give them by --policies NAME=FILE, without it',
    )
  }
  if (!names.includes(ALL)) return [...names]
  const { createSelector, SELECTOR_NAMES } = await import('@lever/icl-eval')
  const kinds = Object.keys(pairsOf(features))
  const table = SELECTOR_NAMES.filter((name) => !DERIVED.has(name) && !without.includes(name))
  const able = table.filter((name) =>
    createSelector(name, { measured: new Map(), sets: [] }).needs.every((kind) => kinds.includes(kind)),
  )
  const order = able.includes(focus as SelectorName) || !table.includes(focus as SelectorName)
  const derived = order ? [`reversed:${focus}`, `shuffled:${focus}`] : []
  return [...new Set(names.flatMap((name) => (name === ALL ? [...able, ...derived] : [name])))]
}

/** Not the names of policies, which would stand in the table in their place. */
const TAKEN = [ALL, 'methods']

/** @throws InputError when a policy has the name of a selector */
export async function checkPolicyName(name: string): Promise<void> {
  const { SELECTOR_NAMES } = await import('@lever/icl-eval')
  const taken: readonly string[] = [...SELECTOR_NAMES.filter((one) => one !== 'pointer'), ...TAKEN]
  if (!taken.includes(name)) return
  throw new InputError(
    `--policies: ${name} is the name of a selector, and the policy would stand in its place; give it another name`,
  )
}

/** @throws InputError when no selector is evaluated at these numbers of shots */
export function checkSomeShots(
  shots: readonly number[],
  names: readonly string[],
  selectors: readonly Selector[],
): void {
  if (shots.some((count) => count > 0) || selectors.some(({ shots: own }) => own === 'zero')) return
  throw new InputError(
    `--shots ${shots.join(',')} asks for no demonstrations, and ${names.join(', ')} choose some; give larger --shots, or the selector zero-shot`,
  )
}

/** @throws InputError when a selector needs embeddings that there are not */
export function checkFeatures(selectors: readonly Selector[], features: Features | undefined): void {
  const kinds = Object.keys(pairsOf(features))
  const needy = selectors.find(({ needs }) => needs.some((kind) => !kinds.includes(kind)))
  if (needy === undefined) return
  const { name, needs } = needy
  throw new InputError(
    features === undefined
      ? `the selector ${name} needs embeddings; give --embeddings (make them with lever embed), or leave it out of --selectors`
      : `the selector ${name} needs ${needs.find((kind) => !kinds.includes(kind))!} embeddings, and --embeddings hold ${kinds.join(' and ')}; make others with lever embed --kind, or leave it out of --selectors`,
  )
}

/** @throws InputError for numbers of shots that repeat, or that pools are too small for */
export function checkShots(shots: readonly number[], poolSize: number): void {
  const most = Math.max(...shots)
  if (most > poolSize)
    throw new InputError(
      `--shots asks for ${most} demonstrations from pools of ${poolSize}; give fewer, or a larger --pool-size`,
    )
  if (new Set(shots).size < shots.length)
    throw new InputError(`--shots ${shots.join(',')} names one number twice; name each once`)
}
