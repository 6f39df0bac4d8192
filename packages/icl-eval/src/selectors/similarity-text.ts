import { similarity } from './similarity.ts'
import type { SimilarityOptions } from './similarity.ts'
import type { Selector } from './types.ts'

/** The nearest examples by the embeddings of questions; see `similarity`. */
export function similarityText(options: Omit<SimilarityOptions, 'kind'> = {}): Selector {
  return similarity({ ...options, kind: 'text' })
}
