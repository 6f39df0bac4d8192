import { hashOf, journalHeaderLine, journalLine } from '@lever/durable-files'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import { queryKey } from './journal.ts'
import { CANDIDATE_FIELDS, META_FIELDS, QUESTION_FIELDS, SCHEMA_VERSION, SHOT_FIELDS } from './schema.ts'
import {
  pointerIds,
  type RlCandidate,
  type RlData,
  type RlHistoryEntry,
  type RlMeta,
  type RlQuery,
} from './types.ts'
import type { RawObject } from './values.ts'

/**
 * The forms in which RL data is written.
 * - `json`: the canonical form, one line per query.
 * - `jsonl`: a journal, one line per outcome after a line per query.
 * - `original`: JSON that the loader of the original reads.
 */
export const RL_FORMATS = ['json', 'jsonl', 'original'] as const

/** A name of {@link RL_FORMATS}. */
export type RlFormat = (typeof RL_FORMATS)[number]

/** How RL data becomes a file. */
export interface EncodeOptions {
  /** Default `json`. */
  readonly format?: RlFormat
  /** Added to `_meta.history`. */
  readonly history?: RlHistoryEntry
}

export const ENCODE_OPTIONS: OptionNames<EncodeOptions> = { format: true, history: true }

/** RL data as the bytes of a file. */
export interface EncodedRlData {
  readonly bytes: Uint8Array
  readonly queries: number
  readonly candidates: number
  /** What the format cannot hold and was left out, by reason. */
  readonly dropped: ReadonlyMap<string, number>
}

/**
 * RL data as the bytes of a file. Fields stand in a fixed order, so equal data gives equal bytes.
 *
 * `original` leaves out queries without candidates, which its loader refuses, and transferred outcomes, which it cannot
 * tell from measured ones. In a journal every candidate has a `rank`, which keeps the order.
 */
export function encodeRlData(data: RlData, options: EncodeOptions = {}): EncodedRlData {
  refuseUnknownOptions(options, ENCODE_OPTIONS, 'rl-dataset: encodeRlData')
  const { format = 'json', history } = options
  const dropped = new Map<string, number>()
  const queries = format === 'original' ? forOriginal(data.queries, dropped) : data.queries
  const meta = metaOf(data, history)
  const parts =
    format === 'jsonl' ? journalParts(queries, meta) : jsonParts(queries, meta, format === 'original')
  return {
    bytes: Buffer.concat(Array.from(parts, (part) => Buffer.from(part))),
    queries: queries.length,
    candidates: queries.reduce((sum, { pointer_candidates }) => sum + pointer_candidates.length, 0),
    dropped,
  }
}

function* jsonParts(queries: readonly RlQuery[], meta: RlMeta, original: boolean): Generator<string> {
  yield `{\n"_meta":${JSON.stringify(meta)}`
  for (const query of queries) {
    const value = {
      ...headOf(query),
      pointer_candidates: query.pointer_candidates.map((c) => orderCandidate(c, original)),
    }
    yield `,\n"${query.query_id}":${JSON.stringify(value)}`
  }
  yield '\n}\n'
}

function* journalParts(queries: readonly RlQuery[], meta: RlMeta): Generator<string> {
  yield journalHeaderLine({ _meta: meta }, JSON.stringify)
  const protocol = meta.protocol?.hash ?? null
  for (const query of queries) {
    const { query_id } = query
    yield journalLine(queryKey(query_id), headOf(query), JSON.stringify)
    const seen = new Map<string, number>()
    for (const candidate of withRanks(query.pointer_candidates)) {
      const key = hashOf({ query_id, pointer: pointerIds(candidate), protocol })
      const times = (seen.get(key) ?? 0) + 1
      seen.set(key, times)
      const value = { query_id, ...orderCandidate(candidate, false) }
      yield journalLine(times === 1 ? key : `${key}#${times}`, value, JSON.stringify)
    }
  }
}

function headOf({ query_id, query, candidate_pool_ids }: RlQuery): RawObject {
  return {
    query: inOrder({ ...query, query_id }, QUESTION_FIELDS),
    ...(candidate_pool_ids === null ? {} : { candidate_pool_ids }),
  }
}

function orderCandidate(candidate: RlCandidate, original: boolean): RawObject {
  const fields = inOrder(candidate, CANDIDATE_FIELDS)
  if (candidate.shots) fields['shots'] = candidate.shots.map((shot) => inOrder(shot, SHOT_FIELDS))
  if (original) delete fields['pointer_pos']
  return fields
}

function inOrder(value: object, order: readonly string[]): RawObject {
  const source = value as RawObject
  const result: RawObject = {}
  for (const field of order) if (source[field] !== undefined) result[field] = exact(field, source[field])
  for (const field of Object.keys(source).sort()) {
    if (!(field in result) && source[field] !== undefined) result[field] = exact(field, source[field])
  }
  return result
}

function exact(field: string, value: unknown): unknown {
  if (typeof value !== 'number' || Number.isFinite(value)) return value
  throw new RangeError(
    `rl-dataset: ${field} is ${value}, which JSON cannot hold; repair the data before it is written`,
  )
}

function withRanks(candidates: readonly RlCandidate[]): readonly RlCandidate[] {
  const ordered = candidates.every(
    ({ rank }, i) => rank !== undefined && (i === 0 || rank > candidates[i - 1]!.rank!),
  )
  return ordered ? candidates : candidates.map((candidate, rank) => ({ ...candidate, rank }))
}

function metaOf({ meta, queries }: RlData, history: RlHistoryEntry | undefined): RlMeta {
  const pools = queries.filter(({ candidate_pool_ids }) => candidate_pool_ids !== null).length
  const shots =
    meta?.shot_num ??
    queries.find((query) => query.pointer_candidates.length > 0)?.pointer_candidates[0]?.pointer.length
  const complete: RawObject = {
    ...meta,
    index_space: undefined,
    schema: 'lever-rl',
    schema_version: SCHEMA_VERSION,
    ...(pools === queries.length && pools > 0 ? { index_space: 'local' } : {}),
    ...(pools === 0 ? { index_space: 'global' } : {}),
    ...(shots === undefined ? {} : { shot_num: shots }),
    ...(history === undefined ? {} : { history: [...(meta?.history ?? []), history] }),
  }
  return inOrder(complete, META_FIELDS)
}

function forOriginal(queries: readonly RlQuery[], dropped: Map<string, number>): RlQuery[] {
  const drop = (reason: string, count: number): void => {
    if (count > 0) dropped.set(reason, (dropped.get(reason) ?? 0) + count)
  }
  return queries.flatMap((query) => {
    const measured = query.pointer_candidates.filter(({ transferred_reward }) => transferred_reward !== true)
    drop('candidate.transferred_reward', query.pointer_candidates.length - measured.length)
    if (measured.length > 0) return [{ ...query, pointer_candidates: measured }]
    drop('query.empty', 1)
    return []
  })
}
