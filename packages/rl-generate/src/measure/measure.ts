import { hashOf, InputError } from '@lever/durable-files'
import { shardQueries } from '../shard.ts'
import type { Example } from '../types.ts'
import { checkInputs } from './inputs.ts'
import { openLedger, type Ledger } from './ledger.ts'
import { imageOrder, imagePlaces } from './order.ts'
import { agrees, measureBatch, type OutcomeFields } from './outcome.ts'
import { createPlanner } from './planner.ts'
import { statisticsOf } from './statistics.ts'
import type { MeasureAnswer, MeasureEvent, MeasureOptions, ProgressEvent } from './types.ts'
import { settleUnit, type Unit, type WorkContext } from './work.ts'

/**
 * Measures the pointers that `propose` gives: asks the model, scores, appends to the journal.
 * What the journal holds is not measured again, whenever and in whatever order it was measured;
 * neither batches nor concurrency nor interruptions change its lines, only their order.
 *
 * The generator ends with a `done` event. Leaving it early (or `signal`) waits for the calls in
 * flight, keeps what they answered and closes the journal.
 *
 * @throws InputError before any work for inputs that cannot be measured, another header or pool in
 * the journal, another live writer; in strict mode for an outcome that cannot be measured; the
 * reason of `signal`; and what `propose` and `answer` throw
 */
export async function* measureRewards<A extends MeasureAnswer>(
  options: MeasureOptions<A>,
): AsyncGenerator<MeasureEvent, void, undefined> {
  checkInputs(options)
  options.signal?.throwIfAborted()
  const queries =
    options.shard === undefined ? imageOrder(options.queries) : shardQueries(options.queries, options.shard)
  const ledger = await openLedger({
    path: options.journal,
    header: measureHeader(options),
    syncEvery: options.syncEvery ?? 32,
  })
  const stop = new AbortController()
  const flights = new Set<Promise<void>>()
  try {
    yield { type: 'start', queries: queries.length, resumed: ledger.resumed, tornBytes: ledger.tornBytes }
    yield* work(options, queries, ledger, stop, flights)
  } finally {
    stop.abort()
    await Promise.all(flights)
    await ledger.close()
  }
}

async function* work<A extends MeasureAnswer>(
  options: MeasureOptions<A>,
  queries: readonly Example[],
  ledger: Ledger,
  stop: AbortController,
  flights: Set<Promise<void>>,
): AsyncGenerator<MeasureEvent, void, undefined> {
  const { concurrency = 1, progressEvery = 250, now = () => performance.now(), signal } = options
  const { strict = true, allowFallback = false, correctAbove = 0 } = options
  const context = workContext(options, ledger)
  const planner = createPlanner({
    queries,
    propose: options.propose,
    context,
    ledger,
    batchSize: options.batchSize ?? 16,
    proposalBatch: options.proposalBatch ?? 1,
    imageBudget: options.imageBudget ?? 512,
    limit: options.untilInformative?.limit,
    normalizeAnswer: options.normalizeAnswer,
  })
  const ended = signal === undefined ? stop.signal : AbortSignal.any([stop.signal, signal])
  const counts = { prompts: 0, repeated: 0, disagreements: ledger.conflicts }
  const events: MeasureEvent[] = []
  const failures: unknown[] = []
  const started = now()

  const settle = async (unit: Unit, outcome: OutcomeFields): Promise<void> => {
    if (unit.repeats) {
      const before = ledger.get(unit.key)
      counts.repeated += 1
      if (agrees(before, outcome)) return
      counts.disagreements += 1
      events.push({
        type: 'disagreement',
        queryId: before.query_id,
        pointer: before.pointer,
        before: before.vqa_pred_answer ?? '',
        now: outcome.vqa_pred_answer ?? '',
      })
    } else if (await settleUnit(context, unit, outcome)) planner.settled(unit.query)
  }

  const ask = async (batch: readonly Unit[]): Promise<void> => {
    const prompts = batch.map(({ prompt }) => prompt)
    const scoring = { strict, allowFallback, correctAbove }
    const outcomes = await measureBatch(prompts, options.answer, options.score, scoring, ended)
    counts.prompts += batch.length
    const settled = await Promise.allSettled(
      outcomes.map(async (outcome, i) => {
        if (outcome.status === 'rejected') throw outcome.reason
        await settle(batch[i]!, outcome.value)
      }),
    )
    failures.push(...settled.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : [])))
  }

  const launch = (batch: readonly Unit[]): void => {
    const flight = ask(batch)
      .catch((error: unknown) => void failures.push(error))
      .finally(() => flights.delete(flight))
    flights.add(flight)
  }

  const progress = (): ProgressEvent => {
    const [seconds, measured] = [(now() - started) / 1000, ledger.tally.outcomes - ledger.resumed]
    const rate = seconds > 0 ? measured / seconds : 0
    const done = planner.queriesDone()
    const left = (queries.length - done) * (ledger.tally.outcomes / Math.max(1, ledger.tally.queries.size))
    return {
      type: 'progress',
      queries: queries.length,
      queriesDone: done,
      outcomes: ledger.tally.outcomes,
      measured,
      positives: ledger.tally.positives,
      errors: ledger.tally.error,
      disagreements: counts.disagreements,
      outcomesPerSecond: rate,
      secondsLeft: rate > 0 ? left / rate : null,
    }
  }

  let waiting: Unit[][] = []
  let shown = started
  while (failures.length === 0 && !ended.aborted) {
    while (flights.size < concurrency && waiting.length > 0) launch(waiting.shift()!)
    if (waiting.length === 0 && planner.hasNext()) waiting = await planner.next()
    else if (flights.size > 0) await Promise.race(flights)
    else if (waiting.length === 0 && !planner.hasNext()) break
    yield* events.splice(0)
    if (now() - shown < progressEvery) continue
    shown = now()
    yield progress()
  }
  await Promise.all(flights)
  signal?.throwIfAborted()
  if (failures.length > 0) throw failures[0]
  yield* events.splice(0)
  yield progress()
  const statistics = statisticsOf(ledger.tally, {
    resumed: ledger.resumed,
    measured: ledger.tally.outcomes - ledger.resumed,
    ...counts,
    tornBytes: ledger.tornBytes,
    seconds: (now() - started) / 1000,
    ...(options.untilInformative === undefined ? {} : { adaptive: planner.adaptive() }),
  })
  yield { type: 'done', statistics }
}

/** The header of the journal: what fixes the meaning of its lines, and which part of the queries it is for. */
export function measureHeader<A extends MeasureAnswer>({
  meta,
  prefixes = [],
  shard,
  queries,
}: Pick<MeasureOptions<A>, 'meta' | 'prefixes' | 'shard' | 'queries'>): MeasureHeader {
  const ids = queries.map(({ id }) => id).sort((a, b) => a - b)
  return {
    _meta: {
      schema: 'lever-rl',
      schema_version: '5.0',
      index_space: 'global',
      ...(prefixes.length === 0 ? {} : { prefix_shots: [...new Set(prefixes)].sort((a, b) => a - b) }),
      ...meta,
    },
    ...(shard === undefined ? {} : { shard: { ...shard, queries: ids.length, ids: hashOf(ids) } }),
  }
}

export interface MeasureHeader {
  readonly _meta: MeasureOptions['meta']
  /** Only in the journal of a shard: which part of how many queries, and the hash of all query ids. */
  readonly shard?: { index: number; count: number; queries: number; ids: string }
}

function workContext<A extends MeasureAnswer>(options: MeasureOptions<A>, ledger: Ledger): WorkContext {
  const { candidates, meta, prefixes = [], recheck = 0, untilInformative } = options
  const places = imagePlaces(candidates)
  const byId = new Map(candidates.map((example) => [example.id, example]))
  return {
    ledger,
    protocolHash: meta.protocol.hash,
    shots: meta.shot_num,
    prefixes: [...new Set(prefixes)].sort((a, b) => a - b),
    recheck,
    accuracies: untilInformative !== undefined,
    place: (id) => places.get(id) ?? 0,
    example(id, queryId) {
      const example = byId.get(id)
      if (example !== undefined) return example
      throw new InputError(
        `rl-generate: the pool of query ${queryId} holds ${id}, which is no candidate; give the candidates that the pools were made for`,
      )
    },
  }
}
