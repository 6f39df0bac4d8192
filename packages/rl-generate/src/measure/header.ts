import { hashOf } from '@lever/durable-files'
import type { Answer, MeasureOptions } from './types.ts'

/** What fixes the meaning of a journal's lines, and which part of the queries they are for. */
export interface MeasureHeader {
  readonly _meta: MeasureOptions['meta']
  /** Only in the journal of a shard: part `index` of `count` of so many queries, and the hash of all their ids. */
  readonly shard?: { index: number; count: number; queries: number; ids: string }
}

/** The header of the journal of a run. */
export function measureHeader<A extends Answer>({
  meta,
  prefixes = [],
  shard,
  queries,
}: Pick<MeasureOptions<A>, 'meta' | 'prefixes' | 'shard' | 'queries'>): MeasureHeader {
  const ids = queries.map(({ id }) => id).sort((a, b) => a - b)
  return {
    _meta: {
      schema: 'lever-rl',
      schema_version: '5.0',
      index_space: 'global',
      ...(prefixes.length === 0 ? {} : { prefix_shots: ascending(prefixes) }),
      ...meta,
    },
    ...(shard === undefined ? {} : { shard: { ...shard, queries: ids.length, ids: hashOf(ids) } }),
  }
}

/** Distinct numbers, ascending. */
export function ascending(numbers: readonly number[]): number[] {
  return [...new Set(numbers)].sort((a, b) => a - b)
}
