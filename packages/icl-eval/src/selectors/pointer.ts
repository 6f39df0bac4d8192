import type { EmbeddingKind } from '@lever/tensor-files'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import type { Selection, SelectionContext, Selector, SelectorDefinition } from './types.ts'

/** A trained policy as functions. */
export interface PointerOptions {
  /** Name in tables, for example `pointer-rce`. Default `pointer`. */
  readonly name?: string
  /** Ids chosen by a policy, in prompt order. */
  readonly select: (context: SelectionContext, k: number) => Selection
  /** The same in a batch; used in place of `select` where given. */
  readonly selectMany?: (
    contexts: readonly SelectionContext[],
    k: number,
  ) => Promise<readonly (readonly number[])[]>
  /** Embeddings that `select` reads. Default none. */
  readonly needs?: readonly EmbeddingKind[]
  /** A greedy policy that decides step by step is nested. Default true. */
  readonly nested?: boolean
  /** The policy may choose fewer than k. Default false. */
  readonly stops?: boolean
}

export const POINTER_OPTIONS: OptionNames<PointerOptions> = {
  name: true,
  select: true,
  selectMany: true,
  needs: true,
  nested: true,
  stops: true,
}

/**
 * The demonstrations of a trained policy. The order of the pointer is the order of the prompt, as it was when the
 * rewards were measured.
 */
export function pointer(options: PointerOptions): Selector {
  refuseUnknownOptions(options, POINTER_OPTIONS, 'icl-eval: pointer')
  const { name = 'pointer', select, selectMany, needs = [], nested = true, stops = false } = options
  return {
    name,
    shots: 'many',
    seeded: false,
    nested,
    ...(stops && { stops }),
    needs,
    select,
    ...(selectMany && { selectMany }),
  }
}

export const definition: SelectorDefinition<'select' | 'selectMany'> = {
  order: 130,
  summary: 'a trained policy',
  takes: ['select', 'selectMany'],
  requires: ['select'],
  create: (options) => pointer({ ...options, select: options.select! }),
}
