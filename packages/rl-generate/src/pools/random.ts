import type { Example } from '../types.ts'
import type { PoolContext, PoolMethod } from './types.ts'

/** N candidates drawn uniformly without replacement, seeded per query. */
export const random: PoolMethod = {
  needs: [],
  build: (context) => context.queries.map((query) => drawRows(context, query, context.size, new Set())),
}

/** Up to `count` allowed rows outside `taken`, uniform without replacement. */
export function drawRows(
  context: PoolContext,
  query: Example,
  count: number,
  taken: ReadonlySet<number>,
): number[] {
  const excluded = context.excluded(query)
  const draws = Math.min(context.rows.length, count + excluded.size + taken.size)
  return context
    .random(query)
    .sample(context.rows, draws)
    .filter((row) => !excluded.has(row) && !taken.has(row))
    .slice(0, count)
}
