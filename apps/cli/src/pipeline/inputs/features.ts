import type { EmbeddingFacts } from '@lever/rl-generate'
import type { EmbeddingPair, EmbeddingPairs, Embeddings } from '@lever/tensor-files'

/** Embeddings of the queries and of the candidates. */
export type Features = EmbeddingPair<Embeddings>

/** As `readEmbeddings` of tensor-files, which is loaded when it is needed. */
export async function readEmbeddings(path: string, order?: readonly number[]): Promise<Embeddings> {
  return (await import('@lever/tensor-files')).readEmbeddings(path, order)
}

/** Queries and candidates by every kind that both have. */
export async function pairsOf(features: Features | undefined): Promise<EmbeddingPairs> {
  return features === undefined ? {} : (await import('@lever/tensor-files')).pairsOf(features)
}

/** What the embeddings of the candidates are, for the data that is made with them. */
export function factsOf(features: Features | undefined): EmbeddingFacts | undefined {
  if (features === undefined) return undefined
  const { model, kind, ids, dim } = features.candidates
  return { model, kind, rows: ids.length, dim }
}
