import { canonicalJson, InputError, openJournal, type Journal } from '@lever/durable-files'
import { candidateProblem, parseFailedKey, parsePlanKey } from '@lever/rl-dataset'
import { explainHeader } from './explain-header.ts'
import { QUERY_PREFIX, type LedgerLine, type QueryLine } from './ledger-lines.ts'
import type { OutcomeLine } from './outcome-line.ts'
import type { ExtensionLine } from './plans.ts'
import { countLine, emptyTally, type Tally } from './statistics.ts'

/** An open journal and what its lines say together. */
export interface LedgerState {
  readonly path: string
  readonly journal: Journal<LedgerLine>
  readonly tally: Tally
  /** Number of a plan -> its canonical JSON. */
  readonly plans: Map<number, string>
  /** Query id -> outcomes that it has when its last plan is measured. */
  readonly planned: Map<number, number>
  /** Keys of outcomes that a server or device failed to give. */
  readonly pending: Set<string>
}

/** Lines whose numbers a message lists. */
const MAX_LISTED_LINES = 100

/**
 * Opens the journal of a run and reads what it holds.
 *
 * @throws InputError if an outcome in it is not one, with its line; as `openJournal`
 */
export async function readLedger(options: {
  path: string
  header: unknown
  syncEvery: number
}): Promise<LedgerState> {
  const tally = emptyTally()
  const plans = new Map<number, string>()
  const planned = new Map<number, number>()
  const pending = new Set<string>()
  const wrong: { line: number; why: string }[] = []
  const journal = await openJournal<LedgerLine>({
    ...options,
    explain: explainHeader,
    keepValues: false,
    onLine(key, line, { repeated, lineNumber }) {
      if (repeated) return
      if (key.startsWith(QUERY_PREFIX)) {
        planned.set(Number(key.slice(QUERY_PREFIX.length)), (line as QueryLine).planned)
        return
      }
      const of = parsePlanKey(key)
      if (of !== undefined) {
        if (of.query === undefined) plans.set(of.plan, canonicalJson(line))
        else planned.set(of.query, (line as ExtensionLine).planned)
        return
      }
      const why = candidateProblem(line)
      if (why !== undefined) wrong.push({ line: lineNumber, why })
      const failed = parseFailedKey(key)
      if (failed !== undefined) pending.add(failed)
      else if (why === undefined) {
        countLine(tally, line as OutcomeLine)
        pending.delete(key)
      }
    },
  })
  if (wrong.length > 0) {
    await journal.close()
    throw wrongLines(options.path, wrong)
  }
  return { path: options.path, journal, tally, plans, planned, pending }
}

function wrongLines(path: string, wrong: readonly { line: number; why: string }[]): InputError {
  const [first] = wrong
  const listed = wrong.slice(0, MAX_LISTED_LINES).map(({ line }) => line)
  const more = wrong.length - listed.length
  const others =
    wrong.length === 1
      ? ''
      : ` (${wrong.length} lines are wrong${more > 0 ? `, the first ${listed.length} are listed` : ''})`
  const it = wrong.length === 1 ? 'this line' : 'these lines'
  return new InputError(
    `rl-generate: ${path}, line ${first!.line}: this is not an outcome: ${first!.why}${others}; ` +
      `delete ${it} to measure again what ${wrong.length === 1 ? 'it holds' : 'they hold'}: sed -i '${listed.map((line) => `${line}d`).join(';')}' ${shellQuoted(path)}`,
  )
}

function shellQuoted(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`
}
