import { InputError } from '@lever/durable-files'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import { selectorFrom, namesNeeding, SELECTOR_NAMES, SELECTORS } from './index.ts'
import type { SelectorName, SelectorRequest } from './index.ts'
import type { EmbeddingKind } from '@lever/tensor-files'
import type { Selector } from './types.ts'

/** Expands to every selector that the inputs support. */
export const ALL = 'all'
/** Expands to every way to choose that needs no training, as far as the inputs support it. */
export const BASELINES = 'baselines'
/** Expands to a row for every proposal method of measured RL data. */
export const METHODS = 'methods'

/** A selector by name, or a name that stands for several. */
export type ExpandableSelector = SelectorRequest | typeof ALL | typeof BASELINES | typeof METHODS

/** What `all` and `baselines` expand to. */
export interface ExpandOptions {
  /** The selector that is also evaluated in other orders. */
  readonly focus: string
  /** Kinds of embeddings that there are. */
  readonly kinds: readonly string[]
  /** Selectors that are not possible here. */
  readonly without?: readonly string[]
}

export const EXPAND_OPTIONS: OptionNames<ExpandOptions> = { focus: true, kinds: true, without: true }

/**
 * Expands `all`: every selector of the table for which the embeddings suffice, then the order of `focus` reversed and
 * shuffled; and `baselines`: those of them that need no training. Other names stay.
 * @throws InputError if `pointer` is among the names: policies have names of their own
 */
export function expandSelectors(names: readonly ExpandableSelector[], options: ExpandOptions): string[] {
  refuseUnknownOptions(options, EXPAND_OPTIONS, 'icl-eval: expandSelectors')
  const { focus, kinds, without = [] } = options
  if (names.includes('pointer')) {
    throw new InputError(
      '--selectors: pointer stands for policies; give them with --policies NAME=FILE and leave it out',
    )
  }
  const made = [...namesNeeding('of'), ...namesNeeding('select')]
  const table = SELECTOR_NAMES.filter((name) => !made.includes(name) && !without.includes(name))
  const able = table.filter((name) =>
    selectorFrom(name, { measured: new Map(), sets: [] }).needs.every((kind) => kinds.includes(kind)),
  )
  const hasFocus = able.includes(focus as SelectorName) || !table.includes(focus as SelectorName)
  const derived = hasFocus ? [`reversed:${focus}`, `shuffled:${focus}`] : []
  const expand = (name: string): readonly string[] => {
    if (name === BASELINES) return able.filter((one) => SELECTORS[one].baseline === true)
    return name === ALL ? [...able, ...derived] : [name]
  }
  return [...new Set(names.flatMap(expand))]
}

/** @throws InputError if a policy has the name of a selector, whose row it would replace; `agreement` is one of a policy */
export function checkPolicyName(name: string): void {
  const taken: readonly string[] = [
    ...SELECTOR_NAMES.filter((one) => one !== 'pointer' && one !== 'agreement'),
    ALL,
    BASELINES,
    METHODS,
  ]
  if (!taken.includes(name)) return
  throw new InputError(
    `--policies: ${name} is the name of a selector, and the policy would replace it in the table; give it another name`,
  )
}

/** @throws InputError if no selector is evaluated at these numbers of shots */
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

/** @throws InputError if a selector needs embeddings that there are not */
export function checkFeatures(selectors: readonly Selector[], kinds: readonly string[]): void {
  const isMissing = (kind: EmbeddingKind): boolean => !kinds.includes(kind)
  const needy = selectors.find(({ needs }) => needs.some(isMissing))
  if (needy === undefined) return
  const { name, needs } = needy
  throw new InputError(
    kinds.length === 0
      ? `the selector ${name} needs embeddings; give --embeddings (make them with lever embed), or leave it out of --selectors`
      : `the selector ${name} needs ${needs.find(isMissing)!} embeddings, and --embeddings hold ${kinds.join(' and ')}; make others with lever embed --kind, or leave it out of --selectors`,
  )
}

/** @throws InputError if a number of shots is given twice, or if pools are too small for it */
export function checkShots(shots: readonly number[], poolSize: number): void {
  const most = Math.max(...shots)
  if (most > poolSize)
    throw new InputError(
      `--shots asks for ${most} demonstrations from pools of ${poolSize}; give fewer, or a larger --pool-size`,
    )
  if (new Set(shots).size < shots.length)
    throw new InputError(`--shots ${shots.join(',')} gives one number twice; give each once`)
}
