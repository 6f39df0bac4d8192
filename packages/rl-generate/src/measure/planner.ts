import { setImmediate as breathe } from 'node:timers/promises'
import type { Example } from '../types.ts'
import { questionOf } from './ledger.ts'
import { cutBatches, prefixOrder } from './order.ts'
import type { AdaptiveStatistics } from './statistics.ts'
import type { Answer, MeasureOptions, MeasurePlan } from './types.ts'
import {
  countNew,
  isFlat,
  planUnits,
  startQuery,
  type QueryWork,
  type Unit,
  type WorkContext,
} from './work.ts'

/** Cuts the work, in the order of the queries, into windows whose images fit the budget, and each window into batches. */
export interface Planner {
  /** Batches of the next window; `[]` when its queries were all measured before. */
  next(): Promise<Unit[][]>
  /** Must be called when the last line of a query is written. */
  settled(query: QueryWork): void
  /** Is there a query that is not planned, or waits for a further round? */
  hasNext(): boolean
  queriesDone(): number
  /** Pointers planned that have an outcome from before. */
  known(): number
  /** Pointers that are still to be measured after `measured`; for queries not planned yet, as many as the others had. */
  left(measured: number): number
  adaptive(): AdaptiveStatistics
}

/** A window of queries without any prompt to ask ends here, so that progress is seen. */
const MOST_KNOWN = 256

export function createPlanner<A extends Answer>(
  queries: readonly Example[],
  options: MeasureOptions<A>,
  context: WorkContext,
): Planner {
  const { propose, normalizeAnswer, batchSize = 16, proposalBatch = 1, imageBudget = 512 } = options
  const limit = options.untilInformative?.limit
  const again: QueryWork[] = []
  const counts = { flat: 0, rescued: 0, pointers: 0 }
  const fresh = { queries: 0, pointers: 0 }
  let planned = 0
  let done = 0
  let known = 0

  const plan = async (works: readonly QueryWork[], round: number): Promise<Unit[]> => {
    const plans = await propose(
      works.map(({ example }) => example),
      { round, known: new Map(works.map(({ example, pointers }) => [example.id, pointers])) },
    )
    const units: Unit[] = []
    for (const [i, work] of works.entries()) {
      const { poolIds, proposals } = checkedPlan(plans[i], work.example)
      const room = limit === undefined || round === 0 ? Infinity : limit - work.pointers.length
      const before = work.pointers.length
      const question = questionOf(work.example, normalizeAnswer)
      work.firstRank = await context.ledger.declare(question, poolIds, proposals.length, () =>
        countNew(context, work, { poolIds, proposals }),
      )
      units.push(...planUnits(context, work, { poolIds, proposals: proposals.slice(0, room) }))
      const added = work.pointers.length - before
      known += added - work.open
      if (work.open > 0) fresh.queries += 1
      fresh.pointers += work.open
      if (round > 0) counts.pointers += added
      work.round = work.pointers.length > before ? round + 1 : Infinity
      if (work.open === 0) settled(work)
    }
    return units
  }

  const settled = (work: QueryWork): void => {
    if (limit !== undefined && isFlat(work) && work.pointers.length < limit && work.round < Infinity) {
      if (work.round === 1) counts.flat += 1
      again.push(work)
      return
    }
    if (work.round > 1 && !isFlat(work)) counts.rescued += 1
    done += 1
  }

  const take = async (): Promise<Unit[]> => {
    const repeated = again.shift()
    if (repeated !== undefined) return plan([repeated], repeated.round)
    const chosen = queries.slice(planned, planned + proposalBatch)
    const works = chosen.map((example, i) => startQuery(example, planned + i))
    planned += chosen.length
    return plan(works, 0)
  }

  const hasNext = (): boolean => again.length > 0 || planned < queries.length

  return {
    hasNext,
    settled,
    queriesDone: () => done,
    known: () => known,
    left(measured) {
      const perQuery = fresh.pointers / Math.max(1, fresh.queries)
      return Math.max(0, fresh.pointers - measured) + (queries.length - planned) * perQuery
    },
    adaptive: () => ({ ...counts }),
    async next() {
      await breathe()
      const units: Unit[] = []
      const images = new Set<unknown>()
      for (let taken = 0; hasNext() && images.size < imageBudget; taken++) {
        if (units.length === 0 && taken >= MOST_KNOWN) break
        for (const unit of await take()) {
          units.push(unit)
          for (const { imageId } of [unit.prompt.query, ...unit.prompt.demonstrations]) images.add(imageId)
        }
      }
      return cutBatches(prefixOrder(units), batchSize)
    },
  }
}

function checkedPlan(plan: MeasurePlan | undefined, { id }: Example): MeasurePlan {
  if (plan !== undefined) return plan
  throw new Error(`rl-generate: propose gave no plan for query ${id}; it must give one per query`)
}
