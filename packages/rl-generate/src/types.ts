export type { Example, ExamplePrompt } from '@lever/vqa-dataset'

/** Row-major matrix of embeddings, [rows, dim], rows L2-normalised and found by id. */
export interface Embeddings {
  ids: ArrayLike<number | bigint>
  data: Float32Array
  dim: number
}

/** Embeddings of the queries and of the candidates in one space. */
export interface FeaturePair {
  queries: Embeddings
  candidates: Embeddings
}
