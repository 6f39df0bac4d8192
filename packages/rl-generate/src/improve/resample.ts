import { createRandom } from '@lever/reward-utils'
import type { RlData } from '@lever/rl-dataset'

/**
 * What a member of the ensemble is trained on: the queries of a bootstrap resample, as many draws with replacement as there
 * are queries, each query once (about 63 % of them).
 */
export function resampled(data: RlData, seed: number, round: number, member: number): RlData {
  const { queries } = data
  const random = createRandom(seed, 'member', round, member)
  const drawn = new Set(queries.map(() => random.int(queries.length)))
  return { ...data, queries: queries.filter((_, i) => drawn.has(i)) }
}
