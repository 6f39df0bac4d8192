import { hashFile } from '@lever/durable-files'
import type { EmbeddingMatrix, EmbeddingPair, Embeddings } from '@lever/tensor-files'
import { checkEmbedder } from './checkpoint/embedder.ts'
import type { CheckpointInfo } from './checkpoint/checkpoint.ts'
import { readCheckpoint } from './checkpoint/checkpoint.ts'
import { searchVectors } from './search-vectors.ts'

/** Queries and candidates as a policy searches them: unit rows whose inner product is its first choice. */
export interface PolicySearch extends EmbeddingPair {
  /** SHA-256 of the checkpoint. */
  readonly policy: string
  readonly info: CheckpointInfo
}

/**
 * The vectors by which the policy of a checkpoint searches a library; what it chooses by in place of the policy has no
 * part in it.
 *
 * @throws InputError if the checkpoint is broken, cannot search a library, or was trained on other embeddings
 */
export async function readPolicySearch(
  path: string,
  { queries, candidates }: EmbeddingPair<Embeddings>,
): Promise<PolicySearch> {
  const { model, info } = await readCheckpoint(path)
  checkEmbedder(info, candidates, path)
  const asked = await searchVectors(model, queries)
  const found = candidates === queries ? asked : await searchVectors(model, candidates)
  const rows = (ids: readonly number[], data: Float32Array): EmbeddingMatrix => ({
    ids,
    data,
    dim: asked.dim,
  })
  return {
    queries: rows(queries.ids, asked.queries),
    candidates: rows(candidates.ids, found.candidates),
    policy: await hashFile(path),
    info,
  }
}
