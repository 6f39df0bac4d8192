import { InputError, openJournal } from '@lever/durable-files'
import type { RlQuestion } from '@lever/rl-dataset'
import type { Example } from '../types.ts'
import type { OutcomeLine } from './outcome.ts'
import { countLine, emptyTally, type Tally } from './statistics.ts'

/** The value of a line `query:<id>`: the question, its pool, and how many pointers its first plan had. */
export interface QueryLine {
  readonly query: RlQuestion
  readonly candidate_pool_ids: readonly number[]
  readonly planned: number
}

/** The journal of a run with running counts of what it holds. */
export interface Ledger {
  /** Outcomes that were there at opening. */
  readonly resumed: number
  readonly tornBytes: number
  /** Repeated lines in the file that disagreed. */
  readonly conflicts: number
  readonly tally: Tally
  has(key: string): boolean
  get(key: string): OutcomeLine
  /**
   * Writes the query's line unless it is there.
   *
   * @throws InputError when it is there with another pool
   */
  declare(
    query: RlQuestion & { query_id: number },
    poolIds: readonly number[],
    planned: number,
  ): Promise<void>
  record(key: string, line: OutcomeLine): Promise<void>
  close(): Promise<void>
}

export const QUERY_PREFIX = 'query:'

/** Opens or continues the journal at `path`. Throws as `openJournal`. */
export async function openLedger(options: {
  path: string
  header: unknown
  syncEvery: number
}): Promise<Ledger> {
  const tally = emptyTally()
  const journal = await openJournal<OutcomeLine | QueryLine>({
    ...options,
    keepValues: false,
    onLine(key, line, repeated) {
      if (!repeated && !key.startsWith(QUERY_PREFIX)) countLine(tally, line as OutcomeLine)
    },
  })
  return {
    resumed: tally.outcomes,
    tornBytes: journal.resumed.tornBytes,
    conflicts: journal.conflicts,
    tally,
    has: (key) => journal.has(key),
    get: (key) => journal.get(key) as OutcomeLine,
    async declare(query, poolIds, planned) {
      const key = `${QUERY_PREFIX}${query.query_id}`
      const before = journal.get(key) as QueryLine | undefined
      if (before === undefined) {
        await journal.append(key, { query, candidate_pool_ids: poolIds, planned })
      } else if (!sameIds(before.candidate_pool_ids, poolIds)) {
        throw new InputError(
          `rl-generate: query ${query.query_id} has another pool in ${options.path}; use the pools of that run (--pool file), or another --out`,
        )
      }
    },
    async record(key, line) {
      if ((await journal.append(key, line)) === 'written') countLine(tally, line)
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

function sameIds(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((id, i) => id === b[i])
}
