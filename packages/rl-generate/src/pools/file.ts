import { InputError } from '@lever/durable-files'
import type { PoolMethod } from './types.ts'

/** Pools that were made elsewhere. Their order is kept. */
export const file: PoolMethod = {
  needs: ['file'],
  build({ queries, candidates, file: pools, excluded }) {
    const rows = new Map(candidates.map(({ id }, row) => [id, row]))
    return queries.map((query) => {
      const pool = pools!.byQuery.get(query.id)
      if (pool === undefined) {
        throw new InputError(
          `rl-generate: the pool file has no pool for query ${query.id}; make pools for these queries, or choose another pool method`,
        )
      }
      const refused = excluded(query)
      return pool.map((id) => {
        const row = rows.get(id)
        if (row === undefined) {
          throw new InputError(
            `rl-generate: the pool of query ${query.id} holds ${id}, which is not a candidate; use the candidates the file was made for`,
          )
        }
        if (!refused.has(row)) return row
        throw new InputError(
          `rl-generate: the pool of query ${query.id} holds ${id}, which is the query itself or shows its image; remove it`,
        )
      })
    })
  },
}
