import { architectureOf } from '@lever/pointer-model'
import { refuseUnknownOptions } from '@lever/durable-files/known-options'
import { auditData, groupsOf } from './audit.ts'
import { checkDataNames } from './data.ts'
import { beginPhase, bestPolicy, lastPolicy, runEpoch } from './epochs.ts'
import type { Steps } from './epochs.ts'
import { dropoutNotice, frozenNotice, leftOutNotice, spoken, untrainedNotice } from './notices.ts'
import { openPhase } from './phase-session.ts'
import { openRun, saveRun } from './run.ts'
import type { Run } from './run.ts'
import type { RunState } from './state.ts'
import type { TrainEvent, TrainOptions, TrainResult } from './types.ts'
import { TRAIN_OPTIONS } from './types.ts'

/**
 * Trains a pointer policy, phase after phase, and yields what happens: an audit of the data, every
 * step, every validation, every save. The caller decides when to stop: by `signal`, which saves the
 * state first, or by leaving the loop. A chunk of steps blocks the thread; `trainInWorker` does the
 * same in a thread of its own.
 *
 * @throws InputError if the options or the data are wrong, or the output folder belongs to another training
 * @throws Error if a loss or a gradient is not finite, with the ids of the queries
 */
export async function* train(options: TrainOptions): AsyncGenerator<TrainEvent, TrainResult> {
  refuseUnknownOptions(options, TRAIN_OPTIONS, 'grpo-trainer: train')
  checkDataNames(options.data)
  const run = await openRun(options)
  let state = run.start
  try {
    if (run.resumed) {
      const message = state.finished ? 'this training is finished' : `continues after step ${state.step}`
      yield { type: 'notice', message }
    }
    const { stops } = architectureOf(options.model.architecture)
    const audit = auditData(options.data, run.phases, stops)
    yield { type: 'audit', audit }
    if (!run.resumed) await run.log?.append([{ event: 'audit', ...audit }])
    const steps = audit.phases.reduce((total, phase) => total + phase.steps, 0)
    while (!state.finished && !options.signal?.aborted) state = yield* runPhase(run, state, steps)
    if (!state.finished && options.output !== undefined) {
      yield { type: 'saved', files: await saveRun(run, state, {}) }
    }
    if (state.finished) {
      const message = untrainedNotice(bestPolicy(run, state), options)
      if (message !== undefined) yield { type: 'warning', message }
    }
    return {
      status: state.finished ? 'finished' : 'interrupted',
      best: bestPolicy(run, state),
      last: lastPolicy(run, state),
    }
  } finally {
    await run.log?.close()
  }
}

async function* runPhase(run: Run, from: RunState, totalSteps: number): Steps {
  const phase = run.phases[from.phase]
  if (phase === undefined) return yield* finish(run, from)
  const name = run.names[from.phase]!
  if (phase.epochs === 0 || groupsOf(phase, run.options.data.groups).length === 0) {
    const why = phase.epochs === 0 ? 'is not asked for (0 epochs)' : 'has no group with any reward variance'
    const final =
      from.step === 0
        ? 'the policy stays as it is'
        : `the policy that ${spoken(run.names[from.last.phase]!)} trained is final`
    yield { type: 'notice', message: `${spoken(name)} ${why}: ${final}` }
    return { ...from, phase: from.phase + 1 }
  }
  const session = await openPhase(run, from.phase)
  try {
    for (const message of [
      leftOutNotice(name, session.groups.length, run.options.data.groups.length),
      frozenNotice(name, session.layout),
      dropoutNotice(name, phase),
    ]) {
      if (message !== undefined) yield { type: 'notice', message }
    }
    let state = from.started ? from : yield* beginPhase(run, session, from)
    while (state.epoch < phase.epochs) {
      if (run.options.signal?.aborted) return state
      if (phase.patience !== null && state.stale >= phase.patience) {
        const message = `${name} stops after epoch ${state.epoch}: no better validation for ${state.stale} epochs`
        yield { type: 'notice', message }
        break
      }
      state = yield* runEpoch(run, session, state, totalSteps)
      if (state.cursor > 0) return state
    }
    return {
      ...state,
      phase: state.phase + 1,
      epoch: 0,
      started: false,
      training: undefined,
      snapshots: {},
      kl: undefined,
    }
  } finally {
    await session.close()
  }
}

async function* finish(run: Run, from: RunState): Steps {
  const state = { ...from, finished: true }
  if (run.options.output !== undefined) {
    const policies = { best: bestPolicy(run, state), last: lastPolicy(run, state) }
    yield { type: 'saved', files: await saveRun(run, state, policies) }
  }
  return state
}
