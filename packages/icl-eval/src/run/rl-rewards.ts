import { hashFile, InputError, requirePath } from '@lever/durable-files'
import type { RlMeta } from '@lever/rl-dataset'
import { readRlData } from '@lever/rl-dataset/node'
import { measuredQueries } from '../offline/measured-queries.ts'
import type { MeasuredQuery } from '../offline/measured-queries.ts'
import type { Example } from '../types.ts'
import type { EvaluatedDataset, ProtocolRecord } from './records.ts'

export interface RlRewardsOptions {
  /** RL data with measured pointers. */
  readonly rlData: string
  readonly dataset?: EvaluatedDataset | undefined
  readonly pool?: EvaluatedDataset | undefined
  /** Numbers of demonstrations that are wanted. */
  readonly shots: readonly number[]
  readonly allowFallback?: boolean
  readonly onNotice?: ((notice: string) => void) | undefined
}

/** Measured rewards, and what is known of their examples. */
export interface RlRewards {
  readonly queries: readonly MeasuredQuery[]
  /** Numbers of demonstrations that are wanted and were measured. */
  readonly shots: readonly number[]
  readonly split: string
  readonly protocol: ProtocolRecord | null
  /** How the pools were drawn, where the file says it. */
  readonly poolMethod: string | undefined
  /** Hashes of the inputs, by name. */
  readonly hashes: Record<string, string>
}

/**
 * Reads RL data as an evaluation takes it, with the examples of the datasets that it was measured on.
 * @throws InputError if the data holds no scored outcome, none of the shots that are wanted, or no query of the dataset
 */
export async function openRlRewards(options: RlRewardsOptions): Promise<RlRewards> {
  const { rlData, dataset, pool, allowFallback = false, onNotice } = options
  await requirePath(rlData, '--from-rl-data')
  const data = await readRlData(rlData)
  const { queries, skipped } = measuredQueries(data, {
    examples: examplesOf(pool ?? dataset),
    queryExamples: examplesOf(dataset),
    allowFallback,
  })
  for (const [reason, count] of skipped) onNotice?.(`left out: ${count} outcomes (${reason})`)
  checkDataset(queries, dataset, rlData)
  return {
    queries,
    shots: shotsOf(queries, options),
    split: splitOf(data.meta) ?? (dataset ?? pool)?.split ?? 'measured',
    protocol: protocolOf(data.meta),
    poolMethod: poolMethodOf(data.meta),
    hashes: {
      'rl-data': await hashFile(rlData),
      ...(dataset && { dataset: dataset.hash }),
      ...(pool && { pool: pool.hash }),
    },
  }
}

function examplesOf(dataset: EvaluatedDataset | undefined): Map<number, Example> {
  return new Map(dataset?.examples.map((example) => [example.id, example]))
}

function checkDataset(
  queries: readonly MeasuredQuery[],
  dataset: EvaluatedDataset | undefined,
  file: string,
): void {
  if (dataset === undefined) return
  const ids = new Set(dataset.examples.map(({ id }) => id))
  if (queries.some(({ query }) => ids.has(query.id))) return
  throw new InputError(
    `no query of ${file} is in the dataset ${dataset.name} ${dataset.split}; give the one that it was measured on`,
  )
}

function shotsOf(queries: readonly MeasuredQuery[], { shots, rlData }: RlRewardsOptions): number[] {
  const measured = new Set(queries.flatMap(({ outcomes }) => outcomes.map(({ ids }) => ids.length)))
  const both = shots.filter((count) => count === 0 || measured.has(count))
  if (both.some((count) => count > 0)) return both
  throw new InputError(
    `${rlData} has pointers of ${[...measured].sort((a, b) => a - b).join(' and ')} demonstrations; give --shots with one of these numbers`,
  )
}

function splitOf(meta: RlMeta | null): string | undefined {
  const dataset: unknown = meta?.dataset
  if (typeof dataset !== 'object' || dataset === null || !('split' in dataset)) return undefined
  return typeof dataset.split === 'string' ? dataset.split : undefined
}

function poolMethodOf(meta: RlMeta | null): string | undefined {
  const pool: unknown = meta?.pool
  if (typeof pool !== 'object' || pool === null || !('method' in pool)) return undefined
  return typeof pool.method === 'string' ? pool.method : undefined
}

function protocolOf(meta: RlMeta | null): ProtocolRecord | null {
  const protocol = meta?.protocol as Partial<ProtocolRecord> | undefined
  if (protocol?.hash === undefined) return null
  const { model = 'unknown', backend = 'unknown', template = 'unknown', metric = 'unknown', hash } = protocol
  return { model, backend, template, metric, hash }
}
