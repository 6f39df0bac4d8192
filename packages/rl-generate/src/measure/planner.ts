import { setImmediate as breathe } from 'node:timers/promises'
import type { Example } from '../types.ts'
import { questionOf } from './ledger-lines.ts'
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

/** What of a run's options decides how its work is cut. */
type PlannerOptions = Pick<
  MeasureOptions,
  'propose' | 'normalizeAnswer' | 'batchSize' | 'proposalBatch' | 'imageBudget' | 'untilInformative'
>

interface PlannerState {
  readonly queries: readonly Example[]
  readonly options: PlannerOptions
  readonly context: WorkContext
  /** Queries that wait for a further round. */
  readonly again: QueryWork[]
  readonly adaptive: { flat: number; rescued: number; pointers: number }
  /** Queries with pointers to measure, and these pointers. */
  readonly fresh: { queries: number; pointers: number }
  planned: number
  done: number
  known: number
}

export function createPlanner<A extends Answer>(
  queries: readonly Example[],
  options: MeasureOptions<A>,
  context: WorkContext,
): Planner {
  const state: PlannerState = {
    queries,
    options,
    context,
    again: [],
    adaptive: { flat: 0, rescued: 0, pointers: 0 },
    fresh: { queries: 0, pointers: 0 },
    planned: 0,
    done: 0,
    known: 0,
  }
  return {
    next: () => nextWindow(state),
    settled: (work) => settle(state, work),
    hasNext: () => hasNext(state),
    queriesDone: () => state.done,
    known: () => state.known,
    left(measured) {
      const { fresh, planned } = state
      const perQuery = fresh.pointers / Math.max(1, fresh.queries)
      return Math.max(0, fresh.pointers - measured) + (queries.length - planned) * perQuery
    },
    adaptive: () => ({ ...state.adaptive }),
  }
}

function hasNext({ again, planned, queries }: PlannerState): boolean {
  return again.length > 0 || planned < queries.length
}

async function nextWindow(state: PlannerState): Promise<Unit[][]> {
  const { batchSize = 16, imageBudget = 512 } = state.options
  await breathe()
  const units: Unit[] = []
  const images = new Set<unknown>()
  for (let taken = 0; hasNext(state) && images.size < imageBudget; taken++) {
    if (units.length === 0 && taken >= MOST_KNOWN) break
    for (const unit of await take(state)) {
      units.push(unit)
      for (const { imageId } of [unit.prompt.query, ...unit.prompt.demonstrations]) images.add(imageId)
    }
  }
  return cutBatches(prefixOrder(units), batchSize)
}

/** The prompts of a query that waits for a further round, or of the next queries. */
function take(state: PlannerState): Promise<Unit[]> {
  const { queries, again, planned, options } = state
  const repeated = again.shift()
  if (repeated !== undefined) return plan(state, [repeated], repeated.round)
  const chosen = queries.slice(planned, planned + (options.proposalBatch ?? 1))
  const works = chosen.map((example, i) => startQuery(example, planned + i))
  state.planned += chosen.length
  return plan(state, works, 0)
}

async function plan(state: PlannerState, works: readonly QueryWork[], round: number): Promise<Unit[]> {
  const { context, fresh, options } = state
  const limit = options.untilInformative?.limit
  const plans = await options.propose(
    works.map(({ example }) => example),
    { round, known: new Map(works.map(({ example, pointers }) => [example.id, pointers])) },
  )
  const units: Unit[] = []
  for (const [i, work] of works.entries()) {
    const { poolIds, proposals } = checkedPlan(plans[i], work.example)
    const room = limit === undefined || round === 0 ? Infinity : limit - work.pointers.length
    const before = work.pointers.length
    const question = questionOf(work.example, options.normalizeAnswer)
    work.firstRank = await context.ledger.declare(question, poolIds, proposals.length, () =>
      countNew(context, work, { poolIds, proposals }),
    )
    const own = planUnits(context, work, { poolIds, proposals: proposals.slice(0, room) })
    for (const unit of own) units.push(unit)
    const added = work.pointers.length - before
    state.known += added - work.open
    if (work.open > 0) fresh.queries += 1
    fresh.pointers += work.open
    if (round > 0) state.adaptive.pointers += added
    work.round = work.pointers.length > before ? round + 1 : Infinity
    if (work.open === 0) settle(state, work)
  }
  return units
}

function settle(state: PlannerState, work: QueryWork): void {
  const limit = state.options.untilInformative?.limit
  if (limit !== undefined && isFlat(work) && work.pointers.length < limit && work.round < Infinity) {
    if (work.round === 1) state.adaptive.flat += 1
    state.again.push(work)
    return
  }
  if (work.round > 1 && !isFlat(work)) state.adaptive.rescued += 1
  state.done += 1
}

function checkedPlan(plan: MeasurePlan | undefined, { id }: Example): MeasurePlan {
  if (plan !== undefined) return plan
  throw new Error(`rl-generate: propose gave no plan for query ${id}; it must give one per query`)
}
