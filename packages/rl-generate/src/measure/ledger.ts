import { canonicalJson, InputError, openJournal } from '@lever/durable-files'
import { failedKey, parseFailedKey, parsePlanKey, type RlQuestion } from '@lever/rl-dataset'
import type { Example } from '../types.ts'
import { explainHeader } from './explain-header.ts'
import { extensionKey, type ExtensionLine, type PlanLine } from './plans.ts'
import type { OutcomeLine } from './outcome.ts'
import { countLine, emptyTally, type Tally } from './statistics.ts'

/** The value of a line `query:<id>`: the question, its pool, and how many pointers its first plan had. */
export interface QueryLine {
  readonly query: RlQuestion
  readonly candidate_pool_ids: readonly number[]
  readonly planned: number
  /** Number of that plan; left out for 0. */
  readonly plan?: number
}

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
   * @throws InputError when the query is there with another pool
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

export const QUERY_PREFIX = 'query:'

/** A plan that says nothing has no line when it is the first. */
const UNSAID = canonicalJson({})

type Line = OutcomeLine | QueryLine | PlanLine | ExtensionLine

/**
 * Opens or continues the journal at `path`. A plan that is not in it extends it.
 *
 * @throws as `openJournal`; InputError when queries of another plan are not finished, which this
 * plan would extend
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
  const tally = emptyTally()
  const wanted = canonicalJson(plan)
  const plans = new Map<number, string>()
  const planned = new Map<number, number>()
  const pending = new Set<string>()
  const journal = await openJournal<Line>({
    ...options,
    explain: explainHeader,
    keepValues: false,
    onLine(key, line, repeated) {
      if (repeated) return
      if (key.startsWith(QUERY_PREFIX)) {
        planned.set(Number(key.slice(QUERY_PREFIX.length)), (line as QueryLine).planned)
        return
      }
      const failed = parseFailedKey(key)
      if (failed !== undefined) {
        pending.add(failed)
        return
      }
      const of = parsePlanKey(key)
      if (of === undefined) {
        countLine(tally, line as OutcomeLine)
        pending.delete(key)
      } else if (of.query === undefined) plans.set(of.plan, canonicalJson(line))
      else planned.set(of.query, (line as ExtensionLine).planned)
    },
  })
  const isUnsaid = wanted === UNSAID && !plans.has(0)
  if (isUnsaid || (planned.size > 0 && !plans.has(0))) plans.set(0, UNSAID)
  const found = [...plans].find(([, text]) => text === wanted)
  const index = found?.[0] ?? Math.max(-1, ...plans.keys()) + 1
  try {
    refuseUnfinished(
      [...planned].flatMap(([id, count]) => {
        const done = tally.queries.get(id)?.outcomes ?? 0
        const first = (): QueryLine => journal.get(`${QUERY_PREFIX}${id}`) as QueryLine
        const own = (): boolean => (first().plan ?? 0) === index || journal.has(extensionKey(index, id))
        return done >= count || own() ? [] : [{ id, done, count }]
      }),
      options.path,
    )
    if (found === undefined) await journal.append(`plan:${index}`, plan)
  } catch (error) {
    await journal.close()
    throw error
  }
  return {
    resumed: tally.outcomes,
    tornBytes: journal.resumed.tornBytes,
    conflicts: journal.conflicts,
    tally,
    plans: plans.size + (found === undefined ? 1 : 0),
    has: (key) => journal.has(key),
    get: (key) => journal.get(key) as OutcomeLine,
    async declare(query, poolIds, planned, countNew) {
      const id = query.query_id
      const before = journal.get(`${QUERY_PREFIX}${id}`) as QueryLine | undefined
      if (before === undefined) {
        const line = { query, candidate_pool_ids: poolIds, planned, ...(index > 0 && { plan: index }) }
        await journal.append(`${QUERY_PREFIX}${id}`, line)
        return 0
      }
      if (!sameIds(before.candidate_pool_ids, poolIds)) {
        throw new InputError(
          `rl-generate: query ${id} has another pool in ${options.path}; use the pools of that run (--pool-file), or another --out`,
        )
      }
      if ((before.plan ?? 0) === index) return 0
      const key = extensionKey(index, id)
      const extended = journal.get(key) as ExtensionLine | undefined
      if (extended !== undefined) return extended.first_rank
      const { outcomes = 0, lastRank = -1 } = tally.queries.get(id) ?? {}
      await journal.append(key, {
        query_id: id,
        first_rank: lastRank + 1,
        planned: outcomes + countNew(),
      })
      return lastRank + 1
    },
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

/** The question of a query as it is written. */
export function questionOf(
  { id, questionId, imageId, question, answers }: Example,
  normalize: ((answer: string) => string) | undefined,
): RlQuestion & { query_id: number } {
  return {
    query_id: id,
    question_id: questionId,
    image_id: imageId,
    question,
    gt_answers_raw: answers,
    ...(normalize === undefined ? {} : { gt_answers_norm: answers.map(normalize) }),
  }
}

/** @throws InputError when there are any: their ranks could not follow those of the earlier plan */
function refuseUnfinished(
  queries: readonly { id: number; done: number; count: number }[],
  path: string,
): void {
  const [first] = queries
  if (first === undefined) return
  throw new InputError(
    `rl-generate: ${path} has ${queries.length} queries whose pointers of another plan are not all measured (query ${first.id}: ${first.done} of ${first.count}); run the earlier command to its end, then this one, or use another --out`,
  )
}

function sameIds(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((id, i) => id === b[i])
}
