import { canonicalJson, InputError } from '@lever/durable-files'
import { failedKey, type RlQuestion } from '@lever/rl-dataset'
import { QUERY_PREFIX, type QueryLine } from './ledger-lines.ts'
import { readLedger, type LedgerState } from './ledger-read.ts'
import type { OutcomeLine } from './outcome-line.ts'
import { extensionKey, type ExtensionLine, type PlanLine } from './plans.ts'
import { countLine, type Tally } from './statistics.ts'

/** The journal of a run with running counts of what it holds. */
export interface Ledger {
  /** Outcomes that were there at opening. */
  readonly resumed: number
  readonly tornBytes: number
  /** Repeated lines in the file that disagreed. */
  readonly conflicts: number
  readonly tally: Tally
  /** Outcomes that a server or device failed to give, and that were not measured since. */
  readonly pending: () => number
  /** Plans in the journal, this run's included. */
  readonly plans: number
  has(key: string): boolean
  get(key: string): OutcomeLine
  /**
   * Writes the query's line unless it is there, and a line of what this plan adds where an earlier one
   * was measured. Resolves to the rank of the plan's first pointer.
   *
   * @param planned number of pointers
   * @param countNew how many of them have no outcome
   * @throws InputError if the query is there with another pool
   */
  declare(
    query: RlQuestion & { query_id: number },
    poolIds: readonly number[],
    planned: number,
    countNew: () => number,
  ): Promise<number>
  record(key: string, line: OutcomeLine): Promise<void>
  /** Notes that a server or device failed to give this outcome. Its key stays free. */
  recordFailure(key: string, line: OutcomeLine): Promise<void>
  close(): Promise<void>
}

/** A plan that says nothing has no line when it is the first. */
const UNSAID = canonicalJson({})

/**
 * Opens or continues the journal at `path`. A plan that is not in it extends it.
 *
 * @throws InputError if queries of another plan, which this one would extend, are not finished, or if a line is not an
 * outcome; as `openJournal`
 */
export async function openLedger({
  plan,
  ...options
}: {
  path: string
  header: unknown
  syncEvery: number
  /** How the pointers of this run are proposed. */
  plan: PlanLine
}): Promise<Ledger> {
  const state = await readLedger(options)
  const { journal, tally, pending, plans } = state
  const index = placeOf(plan, state)
  const resumed = tally.outcomes
  try {
    refuseUnfinished(state, index)
    if (!plans.has(index)) {
      await journal.append(`plan:${index}`, plan)
      plans.set(index, canonicalJson(plan))
    }
  } catch (error) {
    await journal.close()
    throw error
  }
  return {
    resumed,
    tornBytes: journal.resumed.tornBytes,
    conflicts: journal.conflicts,
    tally,
    plans: plans.size,
    has: (key) => journal.has(key),
    get: (key) => journal.get(key) as OutcomeLine,
    declare: (...args) => declare(state, index, ...args),
    pending: () => pending.size,
    async record(key, line) {
      if ((await journal.append(key, line)) !== 'written') return
      countLine(tally, line)
      pending.delete(key)
    },
    async recordFailure(key, line) {
      pending.add(key)
      if (!journal.has(failedKey(key))) await journal.append(failedKey(key), line)
    },
    close: () => journal.close(),
  }
}

/** The number of a plan: that of its line in the journal, or the next one. */
function placeOf(plan: PlanLine, { plans, planned }: LedgerState): number {
  const wanted = canonicalJson(plan)
  const isUnsaid = wanted === UNSAID && !plans.has(0)
  if (isUnsaid || (planned.size > 0 && !plans.has(0))) plans.set(0, UNSAID)
  const found = [...plans].find(([, text]) => text === wanted)
  return found?.[0] ?? Math.max(-1, ...plans.keys()) + 1
}

async function declare(
  { path, journal, tally }: LedgerState,
  index: number,
  ...[query, poolIds, planned, countNew]: Parameters<Ledger['declare']>
): Promise<number> {
  const id = query.query_id
  const before = journal.get(`${QUERY_PREFIX}${id}`) as QueryLine | undefined
  if (before === undefined) {
    const line = { query, candidate_pool_ids: poolIds, planned, ...(index > 0 && { plan: index }) }
    await journal.append(`${QUERY_PREFIX}${id}`, line)
    return 0
  }
  if (!sameIds(before.candidate_pool_ids, poolIds)) {
    throw new InputError(
      `rl-generate: query ${id} has another pool in ${path}; use the pools of that run (--pool-file), or another --out`,
    )
  }
  if ((before.plan ?? 0) === index) return 0
  const key = extensionKey(index, id)
  const extended = journal.get(key) as ExtensionLine | undefined
  if (extended !== undefined) return extended.first_rank
  const { outcomes = 0, lastRank = -1 } = tally.queries.get(id) ?? {}
  await journal.append(key, { query_id: id, first_rank: lastRank + 1, planned: outcomes + countNew() })
  return lastRank + 1
}

/** @throws InputError if there are any: their ranks could not follow those of the earlier plan */
function refuseUnfinished({ path, journal, tally, planned }: LedgerState, index: number): void {
  const queries = [...planned].flatMap(([id, count]) => {
    const done = tally.queries.get(id)?.outcomes ?? 0
    const first = (): QueryLine => journal.get(`${QUERY_PREFIX}${id}`) as QueryLine
    const own = (): boolean => (first().plan ?? 0) === index || journal.has(extensionKey(index, id))
    return done >= count || own() ? [] : [{ id, done, count }]
  })
  const [first] = queries
  if (first === undefined) return
  throw new InputError(
    `rl-generate: ${path} has ${queries.length} queries whose pointers of another plan are not all measured (query ${first.id}: ${first.done} of ${first.count}); run the earlier command to its end, then this one, or use another --out`,
  )
}

function sameIds(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((id, i) => id === b[i])
}
