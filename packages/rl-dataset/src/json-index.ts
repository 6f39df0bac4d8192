import {
  JsonSyntaxError,
  parseStrict,
  pathText,
  placeFinder,
  placeText,
  scanEntries,
  type ByteSource,
  type JsonEntry,
  type Place,
} from '@lever/json-text'
import { problemIn, type ProblemList, type ProblemPlace } from './problems.ts'
import type { RlIndex } from './rl-index.ts'
import { describe } from './values.ts'

/**
 * The index of a JSON file: where the value of each query lies. A value is parsed when its query is read.
 *
 * @throws InputError if the file is not one JSON object, or is cut off, with line and column
 */
export function indexJson(source: ByteSource, from: number, problems: ProblemList): RlIndex {
  const placeAt = placeFinder(source)
  const entries = new Map<string, JsonEntry>()
  for (const entry of scan(source, from, problems.file, placeAt)) {
    const line = (): number => placeAt(entry.keyAt).line
    if (entries.has(entry.key)) {
      problems.error('duplicate-key', `the key ${describe(entry.key)} is given twice`, { line: line() })
    } else if (entry.key !== '_meta' && !isQueryId(entry.key)) {
      problems.error('key', `the key ${describe(entry.key)} is neither _meta nor the id of a query`, {
        line: line(),
      })
    } else entries.set(entry.key, entry)
  }

  const read = (key: string): { raw: unknown } | undefined => {
    const { start, end, keys } = entries.get(key)!
    try {
      return { raw: parseStrict(source.read(start, end), keys) }
    } catch (error) {
      if (!(error instanceof JsonSyntaxError)) throw error
      reportSyntax(error, key, placeAt(start + error.offset), problems)
      return undefined
    }
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

function scan(
  source: ByteSource,
  from: number,
  file: string,
  placeAt: (offset: number) => Place,
): JsonEntry[] {
  try {
    return scanEntries(source, from)
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error
    const near = error.path.length > 0 ? ` (in or after key ${JSON.stringify(error.path[0])})` : ''
    throw problemIn(file, `${placeText(placeAt(error.offset))}: ${error.message}${near}`, ', ')
  }
}

function reportSyntax(
  { path, message }: JsonSyntaxError,
  key: string,
  { line, column }: Place,
  problems: ProblemList,
): void {
  const [list, candidate, ...rest] = path
  const inCandidate = list === 'pointer_candidates' && typeof candidate === 'number'
  const place: ProblemPlace = {
    ...(key === '_meta' ? { field: '_meta' } : { queryId: Number(key) }),
    ...(inCandidate && { candidate }),
    line,
  }
  const inside = inCandidate ? rest : path
  const where = inside.length === 0 ? '' : `, at ${pathText(inside)}`
  problems.error('syntax', `${message} (column ${column}${where})`, place)
}

function isQueryId(key: string): boolean {
  return /^(0|[1-9][0-9]*)$/.test(key) && Number.isSafeInteger(Number(key))
}
