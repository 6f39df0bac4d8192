import { asJournalLine, canonicalJson, type InputError, type JournalLine } from '@lever/durable-files'
import { JsonSyntaxError, linesOf, parseStrict, type ByteSource, type Line } from '@lever/json-text'
import {
  assembleQuery,
  compareOutcomes,
  parseFailedKey,
  parsePlanKey,
  parseQueryKey,
  queryKey,
  withPlans,
  type JournalOutcome,
} from './journal.ts'
import { describe, isObject, type RawObject } from './values.ts'
import { problemIn, type ProblemList } from './problems.ts'
import type { RlIndex } from './rl-index.ts'

/** Where the lines of a query are: start, end and line number of each, one after the other. */
interface QueryLines {
  readonly heads: number[]
  readonly outcomes: number[]
}

interface LineAt {
  readonly start: number
  readonly end: number
  readonly number: number
}

interface KeyedLine extends JournalOutcome {
  readonly number: number
}

/**
 * The index of a journal: which lines belong to which query. Lines are parsed once here, to know their query, and once more
 * when the query is read, so memory holds three numbers a line. Of lines with one key the first counts.
 *
 * @throws InputError if the header is faulty, or a line before the last, with its number.
 */
export function indexJournal(source: ByteSource, from: number, problems: ProblemList): RlIndex {
  const queries = new Map<number, QueryLines>()
  const plans = new Map<number, RawObject>()
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
      if (!('journal' in parsed)) throw corrupt(problems.file, 1, 'it is not the header of a journal')
      header = parsed.header
      continue
    }
    if ('journal' in parsed || !isObject(parsed.value)) {
      bad = { line, why: 'journal' in parsed ? 'a second header' : 'its "value" is not an object' }
      continue
    }
    const { key, value } = parsed
    const plan = parsePlanKey(key)
    if (plan !== undefined) {
      if (plan.query === undefined && !plans.has(plan.plan)) plans.set(plan.plan, value)
      continue
    }
    const headOf = parseQueryKey(key)
    const queryId = headOf ?? value['query_id']
    if (!Number.isSafeInteger(queryId) || (queryId as number) < 0) {
      problems.error('journal-line', `query_id must be the id of a query, got ${describe(queryId)}`, {
        line: number,
      })
      continue
    }
    const entry = queries.get(queryId as number) ?? { heads: [], outcomes: [] }
    queries.set(queryId as number, entry)
    const lines = headOf === undefined ? entry.outcomes : entry.heads
    lines.push(start, end, number)
  }
  if (bad?.line.number === 1) throw corrupt(problems.file, 1, bad.why)
  if (bad) {
    problems.warn('torn', `the last line is torn (${bad.why}); it is left out`, { line: bad.line.number })
  }

  return {
    form: 'jsonl',
    meta:
      isObject(header) && header['_meta'] !== undefined ? withPlans(header['_meta'], inOrder(plans)) : null,
    queryIds: [...queries.keys()],
    tornBytes: bad ? source.size - bad.line.start : 0,
    read: (queryId) => readQuery(source, queryId, queries.get(queryId)!, problems),
  }
}

function inOrder(plans: ReadonlyMap<number, RawObject>): RawObject[] {
  return [...plans].sort(([a], [b]) => a - b).map(([, plan]) => plan)
}

function readQuery(
  source: ByteSource,
  queryId: number,
  { heads, outcomes }: QueryLines,
  problems: ProblemList,
): { raw: unknown; lines: readonly number[] } | undefined {
  if (heads.length === 0) {
    problems.error('journal-line', `there is no line query:${queryId} with the question and the pool`, {
      queryId,
      line: outcomes[2]!,
    })
    return undefined
  }
  const first = new Map<string, KeyedLine>()
  for (const line of keyedLines(source, heads, outcomes)) {
    const before = first.get(line.key)
    if (before) reportRepeat(before, line, problems)
    else first.set(line.key, line)
  }
  const head = first.get(queryKey(queryId))!
  first.delete(head.key)
  for (const key of first.keys()) {
    const measured = parseFailedKey(key)
    if (measured !== undefined && first.has(measured)) first.delete(key)
  }
  const sorted = [...first.values()].sort(compareOutcomes)
  return { raw: assembleQuery(head.value, sorted), lines: sorted.map(({ number }) => number) }
}

/** The lines of a query in the order of the file, neighbours read at once. */
function* keyedLines(
  source: ByteSource,
  heads: readonly number[],
  outcomes: readonly number[],
): Generator<KeyedLine> {
  const places = [...placesOf(heads), ...placesOf(outcomes)].sort((a, b) => a.start - b.start)
  for (let i = 0; i < places.length;) {
    let last = i
    while (last + 1 < places.length && places[last + 1]!.number === places[last]!.number + 1) last++
    let { number } = places[i]!
    for (const { bytes } of linesOf(source, places[i]!.start, places[last]!.end)) {
      yield { ...(parseLine(bytes) as unknown as JournalOutcome), number: number++ }
    }
    i = last + 1
  }
}

function placesOf(flat: readonly number[]): LineAt[] {
  return Array.from({ length: flat.length / 3 }, (_, i) => ({
    start: flat[3 * i]!,
    end: flat[3 * i + 1]!,
    number: flat[3 * i + 2]!,
  }))
}

/** A line of the journal, or a phrase that says what is wrong with it. */
function parseLine(bytes: Line['bytes']): JournalLine | string {
  try {
    return asJournalLine(parseStrict(bytes))
  } catch (error) {
    if (error instanceof JsonSyntaxError) return error.message
    throw error
  }
}

function reportRepeat(first: KeyedLine, again: KeyedLine, problems: ProblemList): void {
  const same = canonicalJson(first.value) === canonicalJson(again.value)
  problems.warn(
    same ? 'journal-repeat' : 'journal-conflict',
    `key ${again.key} ${same ? 'repeats' : 'contradicts'} line ${first.number}; the first counts`,
    { line: again.number },
  )
}

function corrupt(file: string, number: number, why: string): InputError {
  const remedy = 'restore the file from a copy, or delete this line to do its work again'
  return problemIn(file, `line ${number}: ${why}; ${remedy}`, ', ')
}
