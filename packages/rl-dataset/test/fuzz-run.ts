import { createRandom } from '@lever/reward-utils'
import {
  buildGroups,
  describeRlData,
  encodeRlData,
  parseRlData,
  renderDescription,
  type RlData,
} from '../src/index.ts'
import { mutate } from './mutate.ts'

/** What became of mutated files. */
export interface FuzzResult {
  refused: number
  accepted: number
  /** Seeds whose files threw something else than our error. */
  crashes: { seed: number; error: unknown }[]
  slowestMs: number
}

/** Reads `count` mutated files, and uses those that are accepted. Files are small, cut from the given one. */
export function fuzz(files: readonly Uint8Array[], count: number, firstSeed = 0): FuzzResult {
  const result: FuzzResult = { refused: 0, accepted: 0, crashes: [], slowestMs: 0 }
  for (let seed = firstSeed; seed < firstSeed + count; seed++) {
    const random = createRandom('fuzz', seed)
    const bytes = mutate(files[random.int(files.length)]!, random)
    const start = performance.now()
    try {
      use(parseRlData(bytes))
      result.accepted++
    } catch (error) {
      if ((error as { code?: unknown }).code === 'LEVER_INPUT') result.refused++
      else result.crashes.push({ seed, error })
    }
    result.slowestMs = Math.max(result.slowestMs, performance.now() - start)
  }
  return result
}

/** The first queries of a file, in its own shape. */
export function small(bytes: Uint8Array, queries = 3): Uint8Array {
  const value = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>
  const entries = Object.entries(value).filter(([key], i) => i < queries || key === '_meta')
  return new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)))
}

function use(data: RlData): void {
  renderDescription(describeRlData(data))
  encodeRlData(data)
  const ids = new Set<number>()
  for (const { query_id, candidate_pool_ids, pointer_candidates } of data.queries) {
    ids.add(query_id)
    for (const id of candidate_pool_ids ?? pointer_candidates.flatMap(({ pointer }) => pointer)) ids.add(id)
  }
  buildGroups(data, { ids: [...ids] }, { reward: { missing: 'zero' } })
}
