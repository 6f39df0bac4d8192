import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import { arrange, bestFirst, cosine, eligible, rowsOf } from './candidates.ts'
import { nearest } from './similarity.ts'
import type { Order, Selector, SelectorDefinition } from './types.ts'

/** Name, filter and order of `mmices`. */
export interface MmicesOptions {
  /** The name in tables and rows. Default `mmices`. */
  readonly name?: string
  /** How many examples pass the image filter (at least k do). Default 16; the paper keeps 200 of a whole split. */
  readonly keep?: number
  /** Default `best-last`: the most similar question stands next to the query. */
  readonly order?: Order
}

export const MMICES_OPTIONS: OptionNames<MmicesOptions> = { name: true, keep: true, order: true }

/**
 * Filter by image, rank by text: of the `keep` examples with the most similar images, the k with the most similar
 * questions. Source: Chen et al. (2023), "Understanding and Improving In-Context Learning on Vision-language Models".
 * Nested as long as k <= keep.
 */
export function mmices(options: MmicesOptions = {}): Selector {
  refuseUnknownOptions(options, MMICES_OPTIONS, 'icl-eval: mmices')
  const { name = 'mmices', keep = 16, order = 'best-last' } = options
  if (!Number.isInteger(keep) || keep < 1) {
    throw new RangeError(`icl-eval: ${name} needs keep to be a positive integer, got ${keep}`)
  }
  return {
    name,
    shots: 'many',
    seeded: false,
    nested: true,
    needs: ['image', 'text'],
    select(context, k) {
      const available = eligible(context, k, name).length
      if (k === 0) return []
      const kept = nearest(context, Math.min(available, Math.max(keep, k)), 'image', name)
      const rows = rowsOf(context, 'text', name)
      const ranked = bestFirst(kept, (position) => cosine(rows.query, rows.candidate(position)))
      return arrange(ranked.slice(0, k), context.pool, order)
    },
  }
}

export const definition: SelectorDefinition<'keep' | 'order'> = {
  order: 100,
  summary: 'of the 200 most similar images the most similar questions',
  takes: ['keep', 'order'],
  requires: [],
  scope: 'library',
  baseline: true,
  create: (options) => mmices({ keep: 200, ...options }),
}
