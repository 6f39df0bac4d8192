import { updateAdaptiveKl } from '@lever/reward-utils'
import { OBJECTIVES } from './objectives/index.ts'
import { zeroLossNotice } from './notices.ts'
import { batchesOf, fixedPolicies, freshTraining, runSteps, scheduleOf, vectorOf } from './phase-session.ts'
import type { PhaseSession } from './phase-session.ts'
import { snapshotsOf } from './program.ts'
import { keptSoFar, modelOf, namedParameters, rounded, saveRun } from './run.ts'
import type { Run } from './run.ts'
import type { Kept, RunState } from './state.ts'
import { checkFinite, stepMetrics } from './step-metrics.ts'
import { scalarsOf } from './terms.ts'
import type { SelectBy, SelectedPolicy, TrainEvent } from './types.ts'

/** Events, and the state at the end. */
export type Steps = AsyncGenerator<TrainEvent, RunState>

/** Sets up a phase: its parameters, zero moments, the policies that it compares with; and validates its start. */
export async function* beginPhase(run: Run, session: PhaseSession, from: RunState): Steps {
  const { phase, spec } = session
  const start = phase.startFrom === 'best' && from.best ? from.best : from.last
  const vector = start.parameters
  const needed = snapshotsOf(spec)
  const kl = OBJECTIVES[phase.objective].kl?.(phase.options)
  const state: RunState = {
    ...from,
    started: true,
    training: freshTraining(session, run, vector),
    last: start,
    snapshots: {
      ...(needed.includes('epoch') ? { epoch: vector } : {}),
      ...(needed.includes('phase') ? { phase: vector } : {}),
    },
    kl: kl?.state,
    average: new Float32Array(),
    averaged: 0,
    stale: 0,
  }
  const validated = yield* validate(run, session, state)
  yield* save(run, validated, validated.best === from.best ? [] : ['best'])
  return { ...validated, stale: 0 }
}

/** Trains to the end of the epoch, or returns earlier when the signal is given; then validates and saves. */
export async function* runEpoch(run: Run, session: PhaseSession, from: RunState, totalSteps: number): Steps {
  const { chunk = 32, saveEvery = null, signal } = run.options
  const { stepsPerEpoch, spec, phase } = session
  const adapts = OBJECTIVES[phase.objective].kl?.(phase.options)?.adapts ?? 'never'
  let state = from
  const { epochs: kept = 1 } = OBJECTIVES[phase.objective].snapshots?.(phase.options) ?? {}
  if (state.cursor === 0 && state.epoch % kept === 0 && snapshotsOf(spec).includes('epoch')) {
    state = { ...state, snapshots: { ...state.snapshots, epoch: vectorOf(session, run, state.training!) } }
  }
  let unsaved = 0
  while (state.cursor < stepsPerEpoch) {
    if (signal?.aborted) return state
    const count = Math.min(adapts === 'step' ? 1 : chunk, stepsPerEpoch - state.cursor)
    state = yield* runChunk(run, session, state, count, { totalSteps, adapts })
    unsaved += count
    if (saveEvery !== null && unsaved >= saveEvery && state.cursor < stepsPerEpoch) {
      unsaved = 0
      yield* save(run, state, [])
    }
  }
  const ended = endEpoch(run, session, state, adapts === 'epoch')
  const validated = yield* validate(run, session, ended)
  const name = `${run.names[state.phase]!}_epoch${ended.epoch}`
  const named = run.options.keepEpochs === false ? [] : [name]
  yield* save(run, validated, [...named, ...(validated.best === state.best ? [] : ['best']), 'last'])
  return validated
}

async function* runChunk(
  run: Run,
  session: PhaseSession,
  state: RunState,
  count: number,
  { totalSteps, adapts }: { totalSteps: number; adapts: 'never' | 'epoch' | 'step' },
): Steps {
  const batches = batchesOf(session, run, state, count)
  const { training, metrics } = await runSteps(session, run, state, batches)
  checkFinite(batches, metrics, state.step, keptSoFar(run, state))
  const rate = scheduleOf(session)
  const name = run.names[state.phase]!
  const rows = batches.map((batch, i) => {
    const { moment } = batch
    const numbers = { learning_rate: rate(moment.step), ...scalarsOf(session.phase, moment) }
    return {
      phase: name,
      epoch: Number(((moment.step + 1) / session.stepsPerEpoch).toPrecision(7)),
      step: state.step + i + 1,
      metrics: rounded(stepMetrics(batch, metrics, i, numbers)),
    }
  })
  for (const row of rows) yield { type: 'step', ...row, steps: totalSteps }
  const notice = batches[0]!.moment.step === 0 ? zeroLossNotice(name, rows[0]!.metrics) : undefined
  if (notice !== undefined) yield { type: 'notice', message: notice }
  await run.log?.append(rows.map(({ metrics: numbers, ...place }) => ({ ...place, ...numbers })))
  const kls = metrics['kl'] ?? new Float32Array()
  const measured = kls.reduce((a, b) => a + b, 0)
  const kl =
    adapts === 'step' && state.kl && kls.length > 0
      ? updateAdaptiveKl(state.kl, measured / kls.length)
      : state.kl
  return {
    ...state,
    training,
    kl,
    klSum: state.klSum + measured,
    klCount: state.klCount + kls.length,
    cursor: state.cursor + count,
    step: state.step + count,
  }
}

function endEpoch(run: Run, session: PhaseSession, state: RunState, adaptKl: boolean): RunState {
  const { kl, klSum, klCount } = state
  const training = state.training!
  const epoch = state.epoch + 1
  const latest = vectorOf(session, run, training)
  const { average, epochs } = session.phase
  const averages = average !== null && state.epoch >= average * epochs
  const mean = averages ? addToMean(state.average, state.averaged, latest) : state.average
  const parameters = averages ? mean : latest
  return {
    ...state,
    epoch,
    average: mean,
    averaged: state.averaged + (averages ? 1 : 0),
    cursor: 0,
    last: { phase: state.phase, epoch, step: training.step, metrics: {}, parameters },
    kl: adaptKl && kl && klCount > 0 ? updateAdaptiveKl(kl, klSum / klCount) : kl,
    klSum: 0,
    klCount: 0,
  }
}

/** The mean of `count` vectors with one more. */
function addToMean(mean: Float32Array, count: number, next: Float32Array): Float32Array {
  return count === 0 ? next : next.map((x, i) => mean[i]! + (x - mean[i]!) / (count + 1))
}

/** Validates `last` and keeps it when it is the best so far. */
async function* validate(run: Run, session: PhaseSession, state: RunState): Steps {
  const { validator, stepsPerEpoch, phase } = session
  if (validator === undefined) return state
  const steps = phase.epochs * stepsPerEpoch
  const { spread } = run
  const moment = { epoch: state.epoch, step: steps - 1, steps, beta: state.kl?.beta ?? 0, spread }
  const vector = state.last.parameters
  const named = namedParameters(run.layout, vector)
  const metrics = rounded(await validator.run(named, vector, moment, fixedPolicies(session, run, state)))
  const last = { ...state.last, metrics }
  const isBest = isBetter(last, state.best, state.phase, run.options.selectBy ?? 'reward_ranked')
  const place = { phase: run.names[state.phase]!, epoch: state.epoch, step: state.step }
  yield { type: 'validation', ...place, metrics, best: isBest }
  await run.log?.append([{ event: 'validation', ...place, best: isBest, ...metrics }])
  return isBest ? { ...state, last, best: last, stale: 0 } : { ...state, last, stale: state.stale + 1 }
}

/** Is a policy that was validated in a phase better than the best before? Losses of different phases do not compare. */
function isBetter({ metrics }: Kept, best: Kept | undefined, phase: number, selectBy: SelectBy): boolean {
  if (best === undefined) return true
  const gain = (name: string): number => metrics[`eval/${name}`]! - best.metrics[`eval/${name}`]!
  const samePhase = best.phase === phase
  if (selectBy === 'loss') return !samePhase || gain('loss') < 0
  return gain(selectBy) > 0 || (gain(selectBy) === 0 && samePhase && gain('loss') < 0)
}

async function* save(run: Run, state: RunState, names: readonly string[]): AsyncGenerator<TrainEvent, void> {
  if (run.options.output === undefined) return
  const policies = Object.fromEntries(
    names.map((name) => [name, name === 'best' ? bestPolicy(run, state) : lastPolicy(run, state)]),
  )
  yield { type: 'saved', files: await saveRun(run, state, policies) }
}

/** The policy at the end of the last epoch. */
export function lastPolicy(run: Run, { last }: RunState): SelectedPolicy {
  return policyOf(run, last)
}

/** The best policy on validation, or the last one when there is no validation. */
export function bestPolicy(run: Run, { best, last }: RunState): SelectedPolicy {
  return policyOf(run, best ?? last)
}

function policyOf(run: Run, { phase, epoch, step, metrics, parameters }: Kept): SelectedPolicy {
  const name = phase === 0 && step === 0 ? 'init' : run.names[phase]!
  return { model: modelOf(run, parameters), phase: name, epoch, step, metrics }
}
