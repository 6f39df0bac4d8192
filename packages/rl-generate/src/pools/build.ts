import { InputError } from '@lever/durable-files'
import { createRandom } from '@lever/reward-utils'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import type { Example } from '../types.ts'
import { POOL_METHODS, type PoolMethodName } from './methods.ts'
import { featuresOf } from './similar.ts'
import type { PoolContext, PoolFeatures, PoolMethod, Pools } from './types.ts'

/** Queries, library and method of pools. */
export interface BuildPoolsOptions {
  /** Who gets a pool; their ids must be distinct. */
  queries: readonly Example[]
  /** What pools are made of; ids must be distinct. */
  candidates: readonly Example[]
  /** Default `random`. The command takes `defaultPoolMethod` in its place. */
  method?: PoolMethodName
  /** N. For method `file`: the size of the file's pools when left out. */
  size?: number
  /** Default 0. */
  seed?: number | string
  /** Embeddings for the similar and mixed methods, and what method `learned` searches by. */
  features?: PoolFeatures
  /** Pools for method `file`, from `readPools`. */
  file?: Pools
}

export const BUILD_POOLS_OPTIONS: OptionNames<BuildPoolsOptions> = {
  queries: true,
  candidates: true,
  method: true,
  size: true,
  seed: true,
  features: true,
  file: true,
}

/**
 * A pool of N examples for every query (of all that are allowed for method `library`), without the query itself and without any example that
 * shows the query's image. The pool of a query depends on the seed, the query and the candidates
 * only, not on the other queries.
 *
 * @throws InputError if a needed input is missing, or too few candidates are left for a query
 */
export async function buildPools(options: BuildPoolsOptions): Promise<Pools> {
  refuseUnknownOptions(options, BUILD_POOLS_OPTIONS, 'rl-generate: buildPools')
  const {
    queries,
    candidates,
    method = 'random',
    features = {},
    file,
    size = method === 'file' ? (file?.size ?? 64) : 64,
    seed = 0,
  } = options
  const { needs, build, takesAll = false }: PoolMethod = POOL_METHODS[method]
  if (!Number.isInteger(size) || size < 1) {
    throw new InputError(`rl-generate: a pool of ${size} examples cannot be; use a whole number from 1`)
  }
  for (const need of needs) {
    if (need === 'file' ? file === undefined : featuresOf(features, need) === undefined) {
      throw new InputError(`rl-generate: pool method ${method} needs ${NEEDS[need]}`)
    }
  }
  checkDistinct(candidates, 'candidates')
  checkDistinct(queries, 'queries')
  const context: PoolContext = {
    queries,
    candidates,
    rows: candidates.map((_, row) => row),
    size,
    features,
    file,
    random: (query) => createRandom(seed, 'pool', query.id),
    excluded: exclusions(candidates),
  }
  const byQuery = new Map<number, readonly number[]>()
  const idsOf = new Map<readonly number[], number[]>()
  for (const [i, rows] of (await build(context)).entries()) {
    const query = queries[i]!
    const isWrong = takesAll ? rows.length === 0 : rows.length !== size || new Set(rows).size !== size
    if (isWrong) throw wrongSize(query, rows, takesAll ? 1 : size, method)
    const ids = idsOf.get(rows) ?? rows.map((row) => candidates[row]!.id)
    idsOf.set(rows, ids)
    byQuery.set(query.id, method === 'file' ? ids : ids.sort((a, b) => a - b))
  }
  if (takesAll) {
    const largest = Array.from(byQuery.values()).reduce((most, pool) => Math.max(most, pool.length), 0)
    return { method, size: largest, seed, byQuery }
  }
  const made = method === 'file' ? file! : { method, seed, policy: policyOf(method, features) }
  const { policy } = made
  return { method: made.method, size, seed: made.seed, ...(policy !== undefined && { policy }), byQuery }
}

function policyOf(method: PoolMethodName, { learned }: PoolFeatures): string | undefined {
  return method === 'learned' ? learned!.policy : undefined
}

const NEEDS = {
  file: 'a pool file',
  text: 'text embeddings of queries and candidates (lever embed)',
  image: 'image embeddings of queries and candidates (lever embed)',
  both: 'embeddings of images and questions (lever embed --kind both)',
  learned: 'the vectors of a policy of architecture bi-encoder (--pool-policy)',
}

function wrongSize(query: Example, rows: readonly number[], size: number, method: string): InputError {
  if (method === 'file') {
    return new InputError(
      `rl-generate: the pool of query ${query.id} in the file has ${new Set(rows).size} distinct examples of ${rows.length}, not ${size}; all pools must have one size and no repetition`,
    )
  }
  return new InputError(
    `rl-generate: only ${rows.length} candidates are left for query ${query.id} without the query and its image, fewer than the pool size ${size}; use a smaller --pool-size or more candidates`,
  )
}

function checkDistinct(examples: readonly Example[], name: string): void {
  const seen = new Set<number>()
  for (const { id } of examples) {
    if (!Number.isSafeInteger(id) || seen.has(id)) {
      throw new InputError(
        `rl-generate: id ${id} among the ${name} is ${seen.has(id) ? 'used twice' : 'not a safe integer'}; ids must be distinct whole numbers`,
      )
    }
    seen.add(id)
  }
}

function exclusions(candidates: readonly Example[]): (query: Example) => ReadonlySet<number> {
  const byId = new Map(candidates.map(({ id }, row) => [id, row]))
  const byImage = new Map<string, number[]>()
  candidates.forEach(({ imageId }, row) => {
    if (imageId === null) return
    const rows = byImage.get(String(imageId))
    if (rows === undefined) byImage.set(String(imageId), [row])
    else rows.push(row)
  })
  return ({ id, imageId }) => {
    const rows = new Set(imageId === null ? [] : byImage.get(String(imageId)))
    const self = byId.get(id)
    if (self !== undefined) rows.add(self)
    return rows
  }
}
