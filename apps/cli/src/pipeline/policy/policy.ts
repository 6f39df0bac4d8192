import type { Selector } from '@lever/icl-eval'
import type { Decoding, PolicyByIds, StartingModel } from '@lever/pointer-model'
import { requirePath } from '../../files.ts'

export interface PolicyChoice {
  readonly policy: string | undefined
  readonly architecture: string
  readonly hidden: number | undefined
}

/**
 * The model of a checkpoint, or a new one for embeddings of size `dim`.
 * @throws InputError if the checkpoint is missing, broken or made for other embeddings
 */
export async function readPolicy(
  { policy, architecture, hidden }: PolicyChoice,
  dim: number,
  seed: number,
): Promise<StartingModel> {
  if (policy !== undefined) await requirePath(policy, '--policy')
  const { startingModel } = await import('@lever/pointer-model')
  const settings = hidden === undefined ? {} : { hidden }
  return startingModel({ checkpoint: policy, architecture, settings, dim, seed })
}

/** A policy as a selector. With greedy decoding its pointer for any K begins with that for K - 1. */
export async function selectorOf(
  name: string,
  asked: PolicyByIds,
  { decoding = 'greedy', beamSize: width = 5 }: { decoding?: Decoding; beamSize?: number } = {},
): Promise<Selector> {
  const { pointer } = await import('@lever/icl-eval')
  const { architectureOf } = await import('@lever/pointer-model')
  const selectMany: NonNullable<Selector['selectMany']> = (contexts, shots) =>
    asked.choose(
      contexts.map(({ query, pool }) => ({ queryId: query.id, poolIds: pool.map(({ id }) => id) })),
      { shots, decoding, width },
    )
  const select: Selector['select'] = async (context, shots) => (await selectMany([context], shots))[0]!
  const { stops = false } = architectureOf(asked.policy.model.architecture)
  return pointer({ name, select, selectMany, nested: decoding === 'greedy', stops })
}
