import { readFile } from 'node:fs/promises'
import { InputError, writeFileAtomic } from '@lever/durable-files'
import { poolRecord } from './types.ts'
import type { PoolSource, Pools } from './types.ts'

/**
 * Writes pools as JSON, one query a line, ascending: the same pools give the same bytes. `_meta` says how they were
 * made, for which data, and what was kept out of them.
 */
export async function savePools(path: string, pools: Pools): Promise<void> {
  const { byQuery, source } = pools
  const lines = [...byQuery]
    .sort(([a], [b]) => a - b)
    .map(([query, pool]) => `${JSON.stringify(String(query))}:${JSON.stringify(pool)}`)
  const excluded = ['query', 'image of the query']
  const head = `{"_meta":${JSON.stringify({ pools: 1, ...poolRecord(pools), excluded, ...(source && { source }) })}`
  await writeFileAtomic(path, `${[head, ...lines].join(',\n')}}\n`)
}

/**
 * Reads pools: a file of `savePools`, or the original's sampler cache `{"<query id>": [ids]}`.
 *
 * @throws InputError naming the file and the query
 */
export async function readPools(path: string): Promise<Pools> {
  const refuse = (why: string): never => {
    throw new InputError(`rl-generate: ${path} is not a pool file: ${why}`)
  }
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new InputError(
      `rl-generate: cannot read ${path} (${String((error as NodeJS.ErrnoException).code)}); check the path`,
      { cause: error },
    )
  })
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    return refuse((error as Error).message)
  }
  if (!isObject(value)) return refuse('it is not an object from query ids to lists of ids')
  const byQuery = new Map<number, readonly number[]>()
  for (const [key, pool] of Object.entries(value)) {
    if (key === '_meta') continue
    const id = Number(key)
    if (!/^\d+$/.test(key) || !Number.isSafeInteger(id))
      return refuse(`key ${JSON.stringify(key)} is not a query id`)
    if (!Array.isArray(pool) || !pool.every(Number.isSafeInteger)) {
      return refuse(`the pool of query ${key} is not a list of ids`)
    }
    byQuery.set(id, pool as number[])
  }
  const [first] = byQuery.values()
  if (first === undefined) return refuse('it holds no pool')
  const meta = isObject(value['_meta']) ? value['_meta'] : {}
  const { method, seed, policy, pools: version = 1, source } = meta
  if (version !== 1) return refuse(`it is of version ${JSON.stringify(version)}, and 1 can be read`)
  return {
    method: typeof method === 'string' ? method : 'file',
    size: first.length,
    seed: typeof seed === 'number' || typeof seed === 'string' ? seed : 0,
    ...(typeof policy === 'string' && { policy }),
    byQuery,
    ...(isSource(source) && { source }),
  }
}

function isSource(value: unknown): value is PoolSource {
  return (
    isObject(value) &&
    [value['queries'], value['candidates']].every((one) => isObject(one) && typeof one['hash'] === 'string')
  )
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
