import { InputError } from '@lever/durable-files'
import { linesOf, type ByteSource, type Line } from './bytes.ts'
import { assembleQuery, compareOutcomes, parseQueryKey, type JournalOutcome } from './journal.ts'
import { countKeysInText, parseJson } from './json-value.ts'
import { describe, isObject, type RawObject } from './values.ts'
import type { ProblemList } from './problems.ts'
import type { RlIndex } from './source.ts'

interface QueryLines {
  /** Offset and line number of the line of the query itself. */
  head: LineAt | undefined
  readonly outcomes: LineAt[]
}

interface LineAt {
  readonly start: number
  readonly end: number
  readonly number: number
}

/**
 * The index of a journal: which lines belong to which query. Lines are parsed once here, to know their query, and once more
 * when the query is read, so memory does not grow with the size of the outcomes. The first line of a key counts.
 *
 * @throws InputError when the header is faulty, or a line before the last, with its number.
 */
export function indexJournal(source: ByteSource, from: number, problems: ProblemList): RlIndex {
  const queries = new Map<number, QueryLines>()
  const firstLines = new Map<string, LineAt>()
  let header: unknown
  let number = 0
  let bad: { line: LineAt; why: string } | undefined

  for (const { start, end, bytes } of linesOf(source, from)) {
    if (bad) throw corrupt(problems.file, bad.line.number, bad.why)
    const line: LineAt = { start, end, number: ++number }
    const parsed = parseLine(bytes)
    if (typeof parsed === 'string') {
      bad = { line, why: parsed }
      continue
    }
    if (number === 1) {
      if (parsed['journal'] !== 1)
        throw corrupt(problems.file, 1, `journal version ${describe(parsed['journal'])} is not 1`)
      header = parsed['header']
      continue
    }
    const { key, value } = parsed as { key: string; value: unknown }
    if (typeof key !== 'string' || !isObject(value)) {
      bad = { line, why: 'it has no "key" (a string) and "value" (an object)' }
      continue
    }
    const first = firstLines.get(key)
    if (first) {
      reportRepeat(source, first, line, key, problems)
      continue
    }
    firstLines.set(key, line)
    const headOf = parseQueryKey(key)
    const queryId = headOf ?? value['query_id']
    if (!Number.isSafeInteger(queryId) || (queryId as number) < 0) {
      problems.error('journal-line', `query_id must be the id of a query, got ${describe(queryId)}`, {
        line: number,
      })
      continue
    }
    const entry = queries.get(queryId as number) ?? { head: undefined, outcomes: [] }
    queries.set(queryId as number, entry)
    if (headOf === undefined) entry.outcomes.push(line)
    else entry.head = line
  }
  if (bad?.line.number === 1) throw corrupt(problems.file, 1, bad.why)
  if (bad) {
    problems.warn('torn', `the last line is torn (${bad.why}); it is left out`, { line: bad.line.number })
  }

  return {
    form: 'jsonl',
    meta: isObject(header) && header['_meta'] !== undefined ? header['_meta'] : null,
    queryIds: [...queries.keys()],
    tornBytes: bad ? source.size - bad.line.start : 0,
    read: (queryId) => readQuery(source, queryId, queries.get(queryId)!, problems),
  }
}

function readQuery(
  source: ByteSource,
  queryId: number,
  { head, outcomes }: QueryLines,
  problems: ProblemList,
): { raw: unknown; lines: readonly number[] } | undefined {
  if (!head) {
    problems.error('journal-line', `there is no line query:${queryId} with the question and the pool`, {
      queryId,
      line: outcomes[0]!.number,
    })
    return undefined
  }
  const values = new Map<number, { key: string; value: RawObject }>()
  for (const run of runsOf([head, ...outcomes].sort((a, b) => a.start - b.start))) {
    let number = run.number
    for (const { bytes } of linesOf(source, run.start, run.end)) {
      values.set(number, parseLine(bytes) as unknown as { key: string; value: RawObject })
      number++
    }
  }
  const lines = outcomes
    .map((line) => ({ ...values.get(line.number)!, number: line.number }))
    .sort(compareOutcomes)
  const raw = assembleQuery(values.get(head.number)!.value, lines satisfies JournalOutcome[])
  return { raw, lines: lines.map(({ number }) => number) }
}

function* runsOf(lines: readonly LineAt[]): Generator<LineAt> {
  let run: LineAt | undefined
  let next = 0
  for (const line of lines) {
    if (run && line.number === next) run = { ...run, end: line.end }
    else {
      if (run) yield run
      run = line
    }
    next = line.number + 1
  }
  if (run) yield run
}

function parseLine(bytes: Line['bytes']): RawObject | string {
  const keys = countKeysInText(bytes)
  if (keys < 0) return 'it is nested too deep'
  const parsed = parseJson(bytes, keys)
  if ('problem' in parsed) return parsed.problem
  return isObject(parsed.value) ? parsed.value : 'it is not an object'
}

function reportRepeat(
  source: ByteSource,
  first: LineAt,
  line: LineAt,
  key: string,
  problems: ProblemList,
): void {
  const [a, b] = [first, line].map(({ start, end }) => Buffer.from(source.read(start, end)).toString('utf8'))
  const what = a === b ? 'repeats' : 'contradicts'
  problems.warn(
    a === b ? 'journal-repeat' : 'journal-conflict',
    `key ${key} ${what} line ${first.number}; the first counts`,
    {
      line: line.number,
    },
  )
}

function corrupt(file: string, number: number, why: string): InputError {
  return new InputError(
    `rl-dataset: ${file}, line ${number}: ${why}; restore the file from a copy, or delete this line to do its work again`,
  )
}
