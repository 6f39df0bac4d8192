/** A solved question, as pools, prompts and scores need it. `VqaExample` of `@lever/vqa-eval` is one. */
export interface Example {
  /** Global id: what pools, pointers and data files refer to. */
  id: number
  questionId: number | string
  imageId: number | string | null
  /** Path of the image file; missing when the dataset has none for it. */
  image?: string
  question: string
  /** All human answers; empty when the dataset has no annotations. */
  answers: readonly string[]
  /** The answer shown when the example serves as a demonstration. */
  answer: string
}

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
