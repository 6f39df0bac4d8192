import {
  constantRate,
  cosineRate,
  flattenParameters,
  initialState,
  layoutParameters,
  openTrainer,
  parametersOf,
} from '@lever/onnx-grad'
import type { ParameterLayout, Schedule, TensorValues, Trainer, TrainingState } from '@lever/onnx-grad'
import { rowEnd, widenRows } from '@lever/pointer-model'
import { createRandom } from '@lever/reward-utils'
import type { Group } from '@lever/rl-dataset'
import { groupsOf } from './audit.ts'
import { stackBatches, stackMasks } from './batches.ts'
import type { StepBatch } from './batches.ts'
import { sizesOf } from './data.ts'
import type { TrainingData } from './data.ts'
import type { Moment } from './objectives/types.ts'
import type { Phase } from './phases.ts'
import { snapshotsOf, trainingProgram } from './program.ts'
import type { MaskShapes, ProgramSpec } from './program.ts'
import { namedParameters } from './run.ts'
import type { Run } from './run.ts'
import type { RunState } from './state.ts'
import { scalarsOf } from './terms.ts'
import { openValidator } from './validation.ts'
import type { Validator } from './validation.ts'

/** A phase whose graphs are loaded. */
export interface PhaseSession {
  readonly phase: Phase
  readonly groups: readonly Group[]
  /** Steps of an epoch. */
  readonly stepsPerEpoch: number
  readonly layout: ParameterLayout
  readonly trainer: Trainer
  readonly validator: Validator | undefined
  readonly spec: ProgramSpec
  readonly masks: MaskShapes
  readonly shared: Readonly<Record<string, TensorValues>>
  close(): Promise<void>
}

/** Loads the graphs of the phase that a state is in. */
export async function openPhase(run: Run, index: number): Promise<PhaseSession> {
  const { model, data, threads = 1, device = 'cpu' } = run.options
  const phase = run.phases[index]!
  const groups = groupsOf(phase, data.groups)
  const batch = Math.min(phase.batchSize, groups.length)
  const { dim } = model.config
  const moment: Moment = { epoch: 0, step: 0, steps: 1, beta: 1 }
  const spec: ProgramSpec = {
    architecture: model.architecture,
    config: model.config,
    phase,
    batch,
    sizes: sizesOf(groups),
    rows: data.embeddings.data.length / dim,
    queryRows: data.queryEmbeddings && data.queryEmbeddings.data.length / dim,
    scalars: Object.keys(scalarsOf(phase, moment)),
  }
  const layout = layoutParameters(model.parameters, { freeze: phase.freeze })
  const { program, masks } = trainingProgram(spec, layout)
  const end = rowEnd(model)
  const rowsOf = (rows: TrainingData['embeddings']): Float32Array => widenRows(rows, rows.ids, end)
  const shared: Record<string, TensorValues> = {
    embeddings: rowsOf(data.embeddings),
    ...(data.queryEmbeddings === undefined ? {} : { query_embeddings: rowsOf(data.queryEmbeddings) }),
  }
  const trainer = await openTrainer(program, { threads, device })
  const hasValidation = (data.validation?.length ?? 0) > 0
  const validator = hasValidation
    ? await openValidator(spec, model, data, shared, { threads, device })
    : undefined
  return {
    phase,
    groups,
    stepsPerEpoch: Math.ceil(groups.length / batch),
    layout,
    trainer,
    validator,
    spec,
    masks,
    shared,
    async close() {
      await trainer.close()
      await validator?.close()
    },
  }
}

/** Weights at the start of a phase, with moments of zero. */
export function freshTraining({ layout }: PhaseSession, run: Run, vector: Float32Array): TrainingState {
  return initialState(layout, namedParameters(run.layout, vector))
}

/** The parameters of a state in one vector. */
export function vectorOf({ layout }: PhaseSession, run: Run, training: TrainingState): Float32Array {
  return flattenParameters(run.layout, parametersOf(layout, training)).decayed
}

/** Values of the inputs of the fixed policies that the objective compares with. */
export function fixedPolicies(
  session: PhaseSession,
  run: Run,
  state: RunState,
): Record<string, Float32Array> {
  return Object.fromEntries(
    snapshotsOf(session.spec).map((name) => [
      `policy_${name}`,
      name === 'initial' ? run.initial : state.snapshots[name]!,
    ]),
  )
}

/** Learning rates of the steps of a phase. */
export function scheduleOf({ phase, stepsPerEpoch }: PhaseSession): Schedule {
  const steps = phase.epochs * stepsPerEpoch
  const warmup = Math.round(phase.warmup * steps)
  const { learningRate: rate } = phase
  if (phase.schedule === 'cosine') return cosineRate({ rate, steps, warmup })
  const constant = constantRate(rate)
  return (step) => (step < warmup ? (rate * (step + 1)) / warmup : constant(step))
}

/** The batches of `count` steps of an epoch from its step `cursor` on; every epoch has its own seeded order. */
export function batchesOf(
  { groups, spec, phase, stepsPerEpoch }: PhaseSession,
  run: Run,
  { phase: index, epoch, cursor, kl }: Pick<RunState, 'phase' | 'epoch' | 'cursor' | 'kl'>,
  count: number,
): StepBatch[] {
  const order = createRandom(run.seed, 'order', index, epoch).shuffle(groups)
  const steps = phase.epochs * stepsPerEpoch
  return Array.from({ length: count }, (_, i) => ({
    groups: order.slice((cursor + i) * spec.batch, (cursor + i + 1) * spec.batch),
    moment: {
      ...{ epoch, step: epoch * stepsPerEpoch + cursor + i, steps },
      ...{ beta: kl?.beta ?? 0, spread: run.spread },
    },
  }))
}

/** Makes the steps of some batches. */
export async function runSteps(
  session: PhaseSession,
  run: Run,
  state: RunState,
  batches: readonly StepBatch[],
): Promise<{ training: TrainingState; metrics: Readonly<Record<string, Float32Array>> }> {
  const { spec, masks, shared, trainer } = session
  const rate = scheduleOf(session)
  const first = batches[0]!.moment.step
  const { state: training, metrics } = await trainer.run(state.training!, {
    learningRates: batches.map(({ moment }) => rate(moment.step)),
    stepInputs: {
      ...stackBatches(spec, batches),
      ...stackMasks(spec, masks, { first, count: batches.length, phase: state.phase, seed: run.seed }),
    },
    sharedInputs: { ...shared, ...fixedPolicies(session, run, state) },
  })
  return { training, metrics }
}
