import { refuseUnknownOptions } from '@lever/durable-files/known-options'
import { shardQueries } from '../shard.ts'
import type { Example } from '../types.ts'
import { createAsker, type Asker } from './asker.ts'
import { workContext } from './context.ts'
import { measureHeader } from './header.ts'
import { checkInputs } from './inputs.ts'
import { openLedger, type Ledger } from './ledger.ts'
import { imageOrder } from './order.ts'
import { createPlanner, type Planner } from './planner.ts'
import { statisticsOf } from './statistics.ts'
import type { Answer, MeasureEvent, MeasureOptions, ProgressEvent } from './types.ts'
import type { Unit } from './work.ts'
import { MEASURE_OPTIONS } from './types.ts'

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
export async function* measureRewards<A extends Answer>(
  options: MeasureOptions<A>,
): AsyncGenerator<MeasureEvent, void, undefined> {
  refuseUnknownOptions(options, MEASURE_OPTIONS, 'rl-generate: measureRewards')
  checkInputs(options)
  options.signal?.throwIfAborted()
  const { queries, shard, journal: path, syncEvery = 32, plan = {} } = options
  const work = shard === undefined ? imageOrder(queries) : shardQueries(queries, shard)
  const ledger = await openLedger({ path, header: measureHeader(options), syncEvery, plan })
  try {
    const { resumed, tornBytes, plans } = ledger
    yield { type: 'start', queries: work.length, resumed, tornBytes, plans }
    yield* measureInto(ledger, work, options)
  } finally {
    await ledger.close()
  }
}

async function* measureInto<A extends Answer>(
  ledger: Ledger,
  queries: readonly Example[],
  options: MeasureOptions<A>,
): AsyncGenerator<MeasureEvent, void, undefined> {
  const { concurrency = 1, progressEvery = 250, now = () => performance.now(), signal } = options
  const stop = new AbortController()
  const ended = signal === undefined ? stop.signal : AbortSignal.any([stop.signal, signal])
  const context = workContext(options, ledger)
  const planner = createPlanner(queries, options, context)
  const asker = createAsker(options, context, planner, ended)
  const { flights, failures, counts } = asker
  const started = now()
  const seconds = (): number => (now() - started) / 1000
  const progress = (): ProgressEvent => progressOf(ledger, queries.length, planner, asker, seconds())
  try {
    let waiting: Unit[][] = []
    let shown = started
    while (failures.length === 0 && !ended.aborted) {
      while (flights.size < concurrency && waiting.length > 0) asker.launch(waiting.shift()!)
      if (waiting.length === 0 && planner.hasNext()) waiting = await planner.next()
      else if (flights.size > 0) await Promise.race(flights)
      else break
      yield* asker.takeEvents()
      if (now() - shown < progressEvery) continue
      shown = now()
      yield progress()
    }
    await Promise.all(flights)
  } finally {
    stop.abort()
    await Promise.all(flights)
  }
  signal?.throwIfAborted()
  if (failures.length > 0) throw failures[0]
  yield* asker.takeEvents()
  yield progress()
  const statistics = statisticsOf(ledger.tally, {
    resumed: ledger.resumed,
    measured: ledger.tally.outcomes - ledger.resumed,
    ...counts,
    pending: ledger.pending(),
    tornBytes: ledger.tornBytes,
    seconds: seconds(),
    ...(options.untilInformative === undefined ? {} : { adaptive: planner.adaptive() }),
  })
  yield { type: 'done', statistics }
}

function progressOf(
  { tally, resumed, pending }: Ledger,
  queries: number,
  planner: Planner,
  { counts: { disagreements }, prefixes: { fresh, shared } }: Asker,
  seconds: number,
): ProgressEvent {
  const measured = tally.outcomes - resumed
  const outcomesPerSecond = seconds > 0 ? measured / seconds : 0
  const queriesDone = planner.queriesDone()
  const left = planner.left(measured)
  return {
    type: 'progress',
    queries,
    queriesDone,
    outcomes: tally.outcomes,
    measured,
    known: planner.known(),
    positives: tally.positives,
    errors: tally.error,
    pending: pending(),
    disagreements,
    outcomesPerSecond,
    prefixHitRate: fresh + shared > 0 ? shared / (fresh + shared) : null,
    secondsLeft: outcomesPerSecond > 0 ? left / outcomesPerSecond : null,
  }
}
