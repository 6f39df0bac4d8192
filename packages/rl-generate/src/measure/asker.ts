import { countPrefixes } from './order.ts'
import { agrees, isPending, type OutcomeFields } from './outcome-line.ts'
import { measureBatch } from './outcome.ts'
import type { Planner } from './planner.ts'
import type { DisagreementEvent, Answer, MeasureOptions } from './types.ts'
import { settleUnit, type Unit, type WorkContext } from './work.ts'

/** Keeps calls of the model in flight and takes care of what they answer. */
export interface Asker {
  /** Starts a call. It never rejects: see `failures`. */
  launch(batch: readonly Unit[]): void
  readonly flights: ReadonlySet<Promise<void>>
  /** What went wrong, in order. What else the calls in flight answer is kept all the same. */
  readonly failures: readonly unknown[]
  readonly counts: {
    readonly prompts: number
    readonly repeated: number
    readonly disagreements: number
  }
  /** Demonstrations asked, see `countPrefixes`. */
  readonly prefixes: { readonly fresh: number; readonly shared: number }
  /** Disagreements since the last call. */
  takeEvents(): DisagreementEvent[]
}

/** The answer, or the expected accuracy of a prompt that has none. */
function saidBy({ vqa_pred_answer, vqa_gt_prob }: OutcomeFields): string {
  return vqa_pred_answer ?? `E = ${vqa_gt_prob ?? 'unknown'}`
}

export function createAsker<A extends Answer>(
  { answer, score, strict = true, allowFallback = false, correctAbove = 0 }: MeasureOptions<A>,
  context: WorkContext,
  planner: Planner,
  signal: AbortSignal,
): Asker {
  const flights = new Set<Promise<void>>()
  const failures: unknown[] = []
  const events: DisagreementEvent[] = []
  const prefixes = { fresh: 0, shared: 0 }
  const counts = { prompts: 0, repeated: 0, disagreements: context.ledger.conflicts }

  const compare = (unit: Unit, now: OutcomeFields): void => {
    if (isPending(now)) return
    const before = context.ledger.get(unit.key)
    counts.repeated += 1
    if (agrees(before, now)) return
    counts.disagreements += 1
    const [was, is] = [saidBy(before), saidBy(now)]
    events.push({
      type: 'disagreement',
      queryId: before.query_id,
      pointer: before.pointer,
      before: was,
      now: is,
    })
  }

  const settle = async (unit: Unit, outcome: PromiseSettledResult<OutcomeFields>): Promise<void> => {
    if (outcome.status === 'rejected') failures.push(outcome.reason)
    else if (unit.repeats) compare(unit, outcome.value)
    else if (await settleUnit(context, unit, outcome.value)) planner.settled(unit.query)
  }

  const ask = async (batch: readonly Unit[]): Promise<void> => {
    const prompts = batch.map(({ prompt }) => prompt)
    const scoring = { strict, allowFallback, correctAbove }
    let done = (): void => undefined
    const recorded = new Promise<void>((resolve) => (done = resolve))
    const outcomes = await measureBatch(prompts, answer, score, scoring, { signal, recorded })
    counts.prompts += batch.length
    const { fresh, shared } = countPrefixes(batch)
    prefixes.fresh += fresh
    prefixes.shared += shared
    const settled = await Promise.allSettled(batch.map((unit, i) => settle(unit, outcomes[i]!)))
    let whole = outcomes.every(({ status }) => status === 'fulfilled')
    for (const one of settled) {
      if (one.status === 'fulfilled') continue
      failures.push(one.reason)
      whole = false
    }
    if (whole) done()
  }

  return {
    flights,
    failures,
    counts,
    prefixes,
    takeEvents: () => events.splice(0),
    launch(batch) {
      const flight = ask(batch)
        .catch((error: unknown) => void failures.push(error))
        .finally(() => flights.delete(flight))
      flights.add(flight)
    },
  }
}
