import { dirname } from 'node:path'
import { hashFile, InputError } from '@lever/durable-files'
import type { LearnedVectors, PoolEmbeddings, Pools, PoolSource } from '@lever/rl-generate'
import type { Embeddings } from '@lever/tensor-files'
import type { Dataset } from '@lever/vqa-dataset'
import { exists, requirePath } from '../../files.ts'
import type { Progress } from '@lever/terminal'
import type { Features } from './features.ts'
import { pairsOf } from './features.ts'
import type { MatchedInputs } from './input-warnings.ts'
import { inputWarnings } from './input-warnings.ts'

export interface PoolSettings {
  /** Undefined: as the file has it, or random. */
  readonly poolMethod: string | undefined
  /** The checkpoint that searches, for method `learned`. */
  readonly poolPolicy?: string | undefined
  readonly poolSize: number | undefined
  /** Read when it is there, else made. */
  readonly poolFile: string | undefined
  readonly embeddings: string | undefined
  readonly poolEmbeddings: string | undefined
  readonly seed: number
}

/**
 * The pools of a file, when it is there; else pools that are made, and written to it when one is named. The embeddings
 * that pools of a file were made by matter only where a method is asked for: other ones may serve a policy.
 * @throws InputError for a file of other data or without a pool for a query, and for what a method lacks
 */
export async function openPools(
  settings: PoolSettings,
  inputs: MatchedInputs,
  progress: Progress,
): Promise<Pools> {
  const { poolMethod, poolSize, poolFile, seed } = settings
  const { dataset, pool, queries, features } = inputs
  const { buildPools, checkPools, defaultPoolMethod, readPools, savePools, POOL_METHODS, POOL_METHOD_NAMES } =
    await import('@lever/rl-generate')
  const methods = POOL_METHOD_NAMES.filter((name) => name !== 'file')
  const pairs = await pairsOf(features)
  const method = methods.find((name) => name === (poolMethod ?? defaultPoolMethod(Object.keys(pairs))))
  if (method === undefined)
    throw new InputError(`--pool-method is "${poolMethod!}"; give one of ${methods.join(', ')}`)
  for (const warning of inputWarnings(inputs)) progress.warn(warning)
  const candidates = pool.examples
  const size = poolSize === undefined ? {} : { size: poolSize }
  const isThere = poolFile !== undefined && (await exists(poolFile))
  const needsPolicy = method === 'learned' && (!isThere || settings.poolPolicy !== undefined)
  const learned = needsPolicy ? await learnedOf(settings, features, progress) : undefined
  if (isThere) {
    await requirePath(poolFile, '--pool-file')
    const file = await readPools(poolFile)
    const wouldMake = poolMethod !== undefined && file.source?.embeddings !== undefined
    const source = sourceOf(inputs, wouldMake ? await embeddingsOf(settings, features) : undefined)
    checkPools(file, { ...source, method: poolMethod, size: poolSize, policy: learned?.policy }, poolFile)
    return buildPools({ queries, candidates, method: 'file', ...size, file })
  }
  if (poolFile !== undefined) await requirePath(dirname(poolFile), '--pool-file', 'folder')
  const pools = await buildPools({
    queries,
    candidates,
    method,
    seed,
    ...size,
    features: { ...pairs, learned },
  })
  if (poolFile === undefined) return pools
  const needsEmbeddings = POOL_METHODS[method].needs.length > 0
  const source = sourceOf(
    { dataset, pool },
    needsEmbeddings ? await embeddingsOf(settings, features) : undefined,
  )
  await savePools(poolFile, { ...pools, source })
  progress.info(`made pools of ${pools.size} examples for ${queries.length} questions: ${poolFile}`)
  return pools
}

/** What the policy of `--pool-policy` searches by. @throws InputError if it is missing or does not fit the embeddings */
async function learnedOf(
  { poolPolicy }: PoolSettings,
  features: Features | undefined,
  progress: Progress,
): Promise<LearnedVectors> {
  if (poolPolicy === undefined || features === undefined) {
    const missing = poolPolicy === undefined ? '--pool-policy, a checkpoint' : '--embeddings (lever embed)'
    throw new InputError(`--pool-method learned searches the library by a policy; give ${missing}`)
  }
  await requirePath(poolPolicy, '--pool-policy')
  const { isUntrained, readPolicySearch } = await import('@lever/pointer-model')
  const { info, ...vectors } = await readPolicySearch(poolPolicy, features)
  if (isUntrained(info)) progress.warn('--pool-policy is untrained: its pools are arbitrary')
  return vectors
}

function sourceOf(
  { dataset, pool }: Pick<MatchedInputs, 'dataset' | 'pool'>,
  embeddings: PoolSource['embeddings'],
): PoolSource {
  const named = ({ name, split, hash }: Dataset): PoolSource['queries'] => ({ name, split, hash })
  return { queries: named(dataset), candidates: named(pool), ...(embeddings && { embeddings }) }
}

async function embeddingsOf(
  { embeddings, poolEmbeddings = embeddings }: PoolSettings,
  features: Features | undefined,
): Promise<PoolSource['embeddings']> {
  if (features === undefined || embeddings === undefined || poolEmbeddings === undefined) return undefined
  const named = async ({ model, kind }: Embeddings, path: string): Promise<PoolEmbeddings> => ({
    model,
    kind,
    hash: await hashFile(path),
  })
  const queries = await named(features.queries, embeddings)
  return {
    queries,
    candidates: poolEmbeddings === embeddings ? queries : await named(features.candidates, poolEmbeddings),
  }
}
