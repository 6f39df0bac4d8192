import { startsLikeJournal } from '@lever/durable-files'
import { bytesInMemory, foreignFormat, HEAD_BYTES, type ByteSource } from '@lever/json-text'
import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import { checkQuery, type CheckContext } from './check.ts'
import { readMeta } from './check-schema.ts'
import { indexJournal } from './journal-index.ts'
import { indexJson } from './json-index.ts'
import { normalizeQuery, type NormalizeContext } from './normalize.ts'
import {
  createProblemList,
  problemIn,
  type ProblemList,
  type ProblemPlace,
  type ProblemSink,
  throwFirstError,
} from './problems.ts'
import type { Shape } from './shapes.ts'
import type { IndexSpace, RlData, RlMeta, RlQuery } from './types.ts'

/** How RL data is read, where the file leaves a choice. */
export interface ReadOptions {
  /** Name in messages. Default `RL data`. */
  readonly file?: string
  /** What `pointer` means where the file does not say. */
  readonly indexSpace?: IndexSpace
  /** K that every pointer must have. Default: `_meta.shot_num`, else that of the first pointer. */
  readonly shotNum?: number
  /** Number of problems of each rule that are kept with their place. Default 20. */
  readonly limit?: number
}

export const READ_OPTIONS: OptionNames<ReadOptions> = {
  file: true,
  indexSpace: true,
  shotNum: true,
  limit: true,
}

/** What was found in a file of RL data. Complete when all queries were read. */
export interface ReadReport {
  readonly file: string
  readonly form: 'json' | 'jsonl'
  /** Size, unpacked. */
  readonly bytes: number
  /** Bytes of a torn last line of a journal; it was not read. */
  readonly tornBytes: number
  readonly problems: ProblemList
  /** Number of queries of each shape. */
  readonly shapes: ReadonlyMap<Shape, number>
}

/** A file of RL data whose queries are read one at a time, in the order of their ids. */
export interface RlSource extends ReadReport {
  readonly meta: RlMeta | null
  readonly queryIds: readonly number[]
  /** The queries that could be read; faults go to `problems`. */
  queries(): Generator<RlQuery>
}

/**
 * Opens RL data of any shape: JSON of the original or of ours, or a journal. Only the index and `_meta` are read at once.
 *
 * @throws InputError if the bytes are not RL data at all: another format, truncated, not an object.
 */
export function openRlSource(source: ByteSource, options: ReadOptions = {}): RlSource {
  refuseUnknownOptions(options, READ_OPTIONS, 'rl-dataset: openRlSource')
  const { file = 'RL data', indexSpace, shotNum, limit } = options
  const problems = createProblemList(file, limit)
  const from = startOf(source, file)
  const index = isJournal(source, from)
    ? indexJournal(source, from, problems)
    : indexJson(source, from, problems)
  const meta = readMeta(index.meta, problems)
  const shapes = new Map<Shape, number>()
  index.queryIds.sort((a, b) => a - b)

  function* queries(): Generator<RlQuery> {
    const normalize: NormalizeContext = {
      meta,
      indexSpace,
      defaultSpace: index.form === 'jsonl' ? 'local' : undefined,
      part: /_rank:/.test(file),
      problems,
      shapes,
    }
    const check: CheckContext = { meta, problems, shots: shotNum ?? meta?.shot_num }
    for (const queryId of index.queryIds) {
      const found = index.read(queryId)
      if (!found) continue
      const located = found.lines ? withLines(problems, found.lines) : problems
      const result = normalizeQuery(found.raw, queryId, { ...normalize, problems: located })
      if (!result) continue
      const context = { ...check, problems: located }
      checkQuery(result.query, context, result.candidates)
      check.shots = context.shots
      yield result.query
    }
  }

  return {
    file,
    form: index.form,
    bytes: source.size,
    meta,
    queryIds: index.queryIds,
    tornBytes: index.tornBytes,
    problems,
    shapes,
    queries,
  }
}

function withLines(problems: ProblemSink, lines: readonly number[]): ProblemSink {
  const locate = (place: ProblemPlace = {}): ProblemPlace => {
    const line = place.candidate === undefined ? undefined : lines[place.candidate]
    return line === undefined ? place : { ...place, line }
  }
  return {
    error: (rule, message, place) => problems.error(rule, message, locate(place)),
    warn: (rule, message, place) => problems.warn(rule, message, locate(place)),
  }
}

function startOf(source: ByteSource, file: string): number {
  const head = source.read(0, Math.min(source.size, HEAD_BYTES))
  const foreign = foreignFormat(head)
  if (foreign !== undefined) {
    throw problemIn(file, `this is not RL data but ${foreign}${elsewhere(foreign)}`)
  }
  return head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf ? 3 : 0
}

function elsewhere(foreign: string): string {
  return /tensors|NumPy/.test(foreign) ? '; embeddings and checkpoints have options of their own' : ''
}

function isJournal(source: ByteSource, from: number): boolean {
  const head = new TextDecoder().decode(source.read(from, Math.min(source.size, from + 100)))
  return startsLikeJournal(head)
}

/** RL data as it was read, with what was found on the way. */
export interface LoadedRlData extends RlData {
  readonly report: ReadReport
}

/**
 * RL data of any shape from the bytes of a file (not packed).
 *
 * @throws InputError with the first error, when there is any.
 */
export function parseRlData(bytes: Uint8Array, options: ReadOptions = {}): LoadedRlData {
  refuseUnknownOptions(options, READ_OPTIONS, 'rl-dataset: parseRlData')
  return loadAll(openRlSource(bytesInMemory(bytes), options))
}

/** All queries of a source. @throws InputError with the first error, when there is any. */
export function loadAll(source: RlSource): LoadedRlData {
  const queries = Array.from(source.queries())
  throwFirstError(source.problems)
  const { file, form, bytes, tornBytes, problems, shapes, meta } = source
  return { meta, queries, report: { file, form, bytes, tornBytes, problems, shapes } }
}
