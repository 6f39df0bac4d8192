import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import { arrange, cosine, rowsOf } from './candidates.ts'
import { nearest } from './similarity.ts'
import type { EmbeddingKind } from '@lever/tensor-files'
import type { Selector, SelectorDefinition } from './types.ts'
import { vote } from './vote.ts'

/** Name and embeddings of `copy-nearest`. */
export interface CopyNearestOptions {
  /** The name in tables and rows. Default `copy-nearest`. */
  readonly name?: string
  /** Default `both`. */
  readonly kind?: EmbeddingKind
}

export const COPY_NEAREST_OPTIONS: OptionNames<CopyNearestOptions> = { name: true, kind: true }

/**
 * Answers like the k nearest examples do, without a model: the answer with the largest sum of 1 + cosine. With one
 * shot it copies the answer of the most similar example. What a model adds to it is what the model contributes.
 */
export function copyNearest(options: CopyNearestOptions = {}): Selector {
  refuseUnknownOptions(options, COPY_NEAREST_OPTIONS, 'icl-eval: copyNearest')
  const { name = 'copy-nearest', kind = 'both' } = options
  return {
    name,
    shots: 'many',
    seeded: false,
    nested: true,
    needs: [kind],
    select(context, k) {
      return arrange(nearest(context, k, kind, name), context.pool, 'best-last')
    },
    answer(context, k) {
      const chosen = nearest(context, k, kind, name)
      const rows = rowsOf(context, kind, name)
      const votes = chosen.map((position) => ({
        answer: context.pool[position]!.answer,
        weight: 1 + cosine(rows.query, rows.candidate(position)),
      }))
      return vote(votes)
    },
  }
}

export const definition: SelectorDefinition<never> = {
  order: 30,
  summary: 'no prompt: the answer of the most similar examples',
  takes: [],
  requires: [],
  scope: 'library',
  baseline: true,
  create: copyNearest,
}
