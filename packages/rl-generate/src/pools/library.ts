import type { PoolMethod } from './types.ts'

/** All candidates but the query and its image; queries without such candidates share one list. */
export const library: PoolMethod = {
  needs: [],
  takesAll: true,
  build({ queries, rows, excluded }) {
    return queries.map((query) => {
      const left = excluded(query)
      return left.size === 0 ? rows : rows.filter((row) => !left.has(row))
    })
  },
}
