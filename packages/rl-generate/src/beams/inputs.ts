import { InputError } from '@lever/durable-files'
import { checkInputs } from '../measure/inputs.ts'
import type { BeamOptions } from './types.ts'

/**
 * Refuses what would fail, or mean nothing, hours later.
 *
 * @throws InputError for what `measureRewards` refuses too, queries without a ground truth, repeated
 * candidates in a pool, and options out of range
 */
export function checkBeamInputs(options: BeamOptions): void {
  const { queries, candidates, meta, strict = true, concurrency, pools } = options
  checkInputs({
    queries,
    candidates,
    meta,
    strict,
    ...(concurrency !== undefined && { concurrency }),
  })
  const mute = queries.filter(({ answer }) => answer === '')
  if (mute.length > 0) {
    throw new InputError(
      `rl-generate: ${mute.length} queries have no answer to score (the first is ${mute[0]!.id}); give the annotation file`,
    )
  }
  const { width = 5 } = options
  if (!Number.isInteger(width) || width < 1) {
    throw new InputError(`rl-generate: the beam width is ${width}; use a whole number from 1`)
  }
  for (const { id } of queries) {
    const pool = pools.get(id) ?? []
    if (new Set(pool).size < pool.length) {
      throw new InputError(`rl-generate: the pool of query ${id} holds a candidate twice`)
    }
  }
}
