import { bytesInMemory, placeFinder, type ByteSource } from './bytes.ts'
import { checkQuery, type CheckContext } from './check.ts'
import { readMeta } from './check-schema.ts'
import { indexJournal } from './journal-index.ts'
import { JsonSyntaxError, scanObject } from './json-scan.ts'
import { parseJson } from './json-value.ts'
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
import { describe } from './values.ts'
import type { IndexSpace, RlData, RlMeta, RlQuery } from './types.ts'

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

/** Where the queries of a file lie, as the JSON and the journal reader give it. */
export interface RlIndex {
  readonly form: 'json' | 'jsonl'
  readonly meta: unknown
  readonly queryIds: number[]
  readonly tornBytes: number
  /** The value of one query; undefined when it was faulty and reported. `lines`: line of each candidate. */
  read(queryId: number): { raw: unknown; lines?: readonly number[] } | undefined
}

/**
 * Opens RL data of any shape: JSON of the original or of ours, or a journal. Only the index and `_meta` are read at once.
 *
 * @throws InputError when the bytes are no RL data at all: another format, truncated, not an object.
 */
export function openRlSource(source: ByteSource, options: ReadOptions = {}): RlSource {
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

function indexJson(source: ByteSource, from: number, problems: ProblemList): RlIndex {
  const placeOf = placeFinder(source)
  const entries = new Map<string, { start: number; end: number; keys: number; keyAt: number }>()
  try {
    for (const entry of scanObject(source, from)) {
      const line = (): number => placeOf(entry.keyAt).line
      if (entries.has(entry.key)) {
        problems.error('duplicate-key', `the key ${describe(entry.key)} is written twice`, { line: line() })
      } else if (entry.key !== '_meta' && !isQueryId(entry.key)) {
        problems.error('key', `the key ${describe(entry.key)} is neither _meta nor the id of a query`, {
          line: line(),
        })
      } else entries.set(entry.key, entry)
    }
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error
    const { line, column } = placeOf(error.offset)
    throw problemIn(problems.file, `line ${line}, column ${column}: ${error.message}`, ', ')
  }

  const read = (key: string): { raw: unknown } | undefined => {
    const { start, end, keys } = entries.get(key)!
    const parsed = parseJson(source.read(start, end), keys)
    if ('value' in parsed) return { raw: parsed.value }
    const { line, column } = placeOf(start + parsed.offset)
    const [list, candidate, ...rest] = parsed.path
    const inCandidate = list === 'pointer_candidates' && typeof candidate === 'number'
    problems.error(
      'syntax',
      `${parsed.problem} (column ${column}${placeText(inCandidate ? rest : parsed.path)})`,
      {
        ...(key === '_meta' ? { field: '_meta' } : { queryId: Number(key) }),
        ...(inCandidate ? { candidate } : {}),
        line,
      },
    )
    return undefined
  }
  const meta = entries.has('_meta') ? read('_meta')?.raw : null
  entries.delete('_meta')
  return {
    form: 'json',
    meta,
    queryIds: Array.from(entries.keys(), Number),
    tornBytes: 0,
    read: (queryId) => read(String(queryId)),
  }
}

function placeText(path: readonly (string | number)[]): string {
  return path.length === 0 ? '' : `, at ${path.join('.')}`
}

function isQueryId(key: string): boolean {
  return /^(0|[1-9][0-9]*)$/.test(key) && Number.isSafeInteger(Number(key))
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

const FOREIGN: readonly (readonly [number[], string])[] = [
  [
    [0x50, 0x4b, 0x03, 0x04],
    'a zip file, such as PyTorch tensors or a checkpoint; embeddings and checkpoints have their own options',
  ],
  [
    [0x80, 0x02],
    'a Python pickle, such as old PyTorch tensors; embeddings and checkpoints have their own options',
  ],
  [[0x93, 0x4e, 0x55, 0x4d], 'a NumPy array; embeddings have their own option'],
  [[0xff, 0xfe], 'UTF-16; save it as UTF-8'],
  [[0xfe, 0xff], 'UTF-16; save it as UTF-8'],
  [[0x1f, 0x8b], 'gzip; unpack it first'],
]

function startOf(source: ByteSource, file: string): number {
  const head = source.read(0, Math.min(source.size, 4))
  for (const [magic, what] of FOREIGN) {
    if (head.length >= magic.length && magic.every((byte, i) => head[i] === byte)) {
      throw problemIn(file, `this is not RL data but ${what}`)
    }
  }
  return head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf ? 3 : 0
}

function isJournal(source: ByteSource, from: number): boolean {
  const head = new TextDecoder().decode(source.read(from, Math.min(source.size, from + 100)))
  return /^\s*\{\s*"journal"\s*:/.test(head)
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
  return loadAll(openRlSource(bytesInMemory(bytes), options))
}

/** All queries of a source. @throws InputError with the first error, when there is any. */
export function loadAll(source: RlSource): LoadedRlData {
  const queries = Array.from(source.queries())
  throwFirstError(source.problems)
  const { file, form, bytes, tornBytes, problems, shapes, meta } = source
  return { meta, queries, report: { file, form, bytes, tornBytes, problems, shapes } }
}
