import { similarity } from './similarity.ts'
import type { SimilarityOptions } from './similarity.ts'
import type { Selector, SelectorDefinition } from './types.ts'

/** The nearest examples by the embeddings of images; see `similarity`. */
export function similarityImage(options: Omit<SimilarityOptions, 'kind'> = {}): Selector {
  return similarity({ ...options, kind: 'image' })
}

export const definition: SelectorDefinition<'order'> = {
  order: 70,
  summary: 'the most similar images of the library',
  takes: ['order'],
  requires: [],
  scope: 'library',
  baseline: true,
  create: (options) => similarityImage({ name: 'rices-image', ...options }),
}
