import type { EmbedderFacts, StartingModel } from '@lever/pointer-model'
import { requirePath } from '../../files.ts'

export interface PolicyChoice {
  readonly policy: string | undefined
  readonly architecture: string | undefined
  readonly hidden: number | undefined
}

/**
 * The model of a checkpoint, or a new one, for embeddings.
 * @throws InputError if the checkpoint is missing, broken or made for other embeddings
 */
export async function readPolicy(
  { policy, architecture, hidden }: PolicyChoice,
  embeddings: EmbedderFacts & { readonly dim: number },
  seed: number,
): Promise<StartingModel> {
  if (policy !== undefined) await requirePath(policy, '--policy')
  const { architectureName, checkEmbedder, startingModel } = await import('@lever/pointer-model')
  const settings = hidden === undefined ? {} : { hidden }
  const { dim } = embeddings
  const start = await startingModel({
    checkpoint: policy,
    architecture: architecture === undefined ? undefined : architectureName(architecture),
    ...{ settings, dim, seed },
  })
  if (policy !== undefined) checkEmbedder(start.info, embeddings, policy)
  return start
}
