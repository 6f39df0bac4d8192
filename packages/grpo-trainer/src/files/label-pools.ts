import { InputError } from '@lever/durable-files'
import { pointerIds, type RlCandidate, type RlData } from '@lever/rl-dataset'

/** Query id -> [N] ids of candidates. */
export type PoolsByQuery = ReadonlyMap<number, readonly number[]>

/** Reads a file of pools; `@lever/rl-generate` has such a reader. */
export type ReadPools = (path: string) => Promise<PoolsByQuery>

/**
 * The data with the pool of every query out of `pools`, pointers as positions in it.
 * @throws InputError if a query has no pool, or a pointer is not in its pool
 */
export function withPools(data: RlData, pools: PoolsByQuery, file: string): RlData {
  return {
    ...data,
    queries: data.queries.map((query) => {
      const pool = pools.get(query.query_id)
      if (pool === undefined) {
        throw new InputError(
          `--pool-file has no pool for query ${query.query_id} of ${file}; give the pools that the beams were grown in`,
        )
      }
      const positions = new Map(pool.map((id, position) => [id, position]))
      const place = (candidate: RlCandidate, number: number): RlCandidate => {
        const ids = pointerIds(candidate)
        const pointer = ids.map((id) => {
          const position = positions.get(id)
          if (position !== undefined) return position
          throw new InputError(
            `${file}: query ${query.query_id}, candidate ${number}: the label ${id} is not in the pool of ${pool.length} that --pool-file gives; give the pools that the beams were grown in`,
          )
        })
        return { ...candidate, pointer, pointer_global: ids }
      }
      return {
        ...query,
        candidate_pool_ids: pool,
        pointer_candidates: query.pointer_candidates.map(place),
      }
    }),
  }
}

/**
 * A label is a position in the pool of its query: beams without pools teach nothing about choosing.
 * @throws InputError if beams come without pools
 */
export function checkLabels(
  { beams, poolsFromPointers }: { readonly beams: boolean; readonly poolsFromPointers: number },
  files: readonly string[],
): void {
  if (!beams || poolsFromPointers === 0) return
  throw new InputError(
    `${files.join(', ')}: ${poolsFromPointers} queries have no pool, and a label is a position in the pool of its query; give --pool-file, the candidates that the sampler drew (lever beams writes them into its file)`,
  )
}
