import { similarity } from './similarity.ts'
import type { SimilarityOptions } from './similarity.ts'
import type { Selector, SelectorDefinition } from './types.ts'

/** The nearest examples by the embeddings of images and questions together (the mean of both cosines for the bundled embedder); see `similarity`. */
export function similarityBoth(options: Omit<SimilarityOptions, 'kind'> = {}): Selector {
  return similarity({ ...options, kind: 'both' })
}

export const definition: SelectorDefinition<'order'> = {
  order: 90,
  summary: 'the most similar images and questions of the library',
  takes: ['order'],
  requires: [],
  scope: 'library',
  baseline: true,
  create: (options) => similarityBoth({ name: 'rices-both', ...options }),
}
