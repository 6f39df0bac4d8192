import { similarity } from './similarity.ts'
import type { SimilarityOptions } from './similarity.ts'
import type { Selector, SelectorDefinition } from './types.ts'

/** The nearest examples by the embeddings of questions; see `similarity`. */
export function similarityText(options: Omit<SimilarityOptions, 'kind'> = {}): Selector {
  return similarity({ ...options, kind: 'text' })
}

export const definition: SelectorDefinition<'order'> = {
  order: 80,
  summary: 'the most similar questions of the library',
  takes: ['order'],
  requires: [],
  scope: 'library',
  baseline: true,
  create: (options) => similarityText({ name: 'rices-text', ...options }),
}
