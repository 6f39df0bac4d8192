import { refuseUnknownOptions, type OptionNames } from '@lever/durable-files/known-options'
import { adamWNumbers, checkAdamW } from './optimizer.ts'
import { flattenParameters, unflattenParameters } from './parameters.ts'
import type { GroupName, Parameter, ParameterLayout, Parameters } from './parameters.ts'
import { loadModel } from './runtime.ts'
import type { RunOptions, Value } from './runtime.ts'
import { encodeTrainingLoop } from './training-loop.ts'
import { encodeTrainingStep } from './training-step.ts'
import type { InputSpec, TrainingProgram } from './program.ts'
import type { TensorValues } from './tensor.ts'
import { loadInWorker } from './worker-runner.ts'

/** Weights and AdamW's moments as flat vectors, and how many steps were made. */
export interface TrainingState {
  readonly step: number
  readonly weights: Readonly<Record<GroupName, Float32Array>>
  /** First moments divided by 1 - beta1, of the decayed and the plain group. */
  readonly first: Readonly<Record<'decayed' | 'plain', Float32Array>>
  /** Second moments divided by 1 - beta2. */
  readonly second: Readonly<Record<'decayed' | 'plain', Float32Array>>
}

/** State before the first step. */
export function initialState(layout: ParameterLayout, parameters: Parameters): TrainingState {
  const zeros = (): Record<'decayed' | 'plain', Float32Array> => ({
    decayed: new Float32Array(layout.sizes.decayed),
    plain: new Float32Array(layout.sizes.plain),
  })
  return { step: 0, weights: flattenParameters(layout, parameters), first: zeros(), second: zeros() }
}

/** The parameters of a state by name. */
export function parametersOf(layout: ParameterLayout, state: TrainingState): Map<string, Parameter> {
  return unflattenParameters(layout, state.weights)
}

/** Steps to make: their learning rates, their inputs stacked along a first axis, and the shared inputs. */
export interface TrainingBatch {
  learningRates: readonly number[]
  stepInputs: Readonly<Record<string, TensorValues>>
  sharedInputs?: Readonly<Record<string, TensorValues>>
}

/** The state after the steps, and each metric of each step. */
export interface TrainingResult {
  state: TrainingState
  metrics: Readonly<Record<string, Float32Array>>
}

/** How the steps of a call are made. */
export interface RunStepsOptions {
  /** Steps in one run of the graph (default all). */
  chunk?: number
  /** Looked at before every chunk; once it is aborted, the call gives what was made until then. */
  signal?: AbortSignal
}

const RUN_STEPS_OPTIONS: OptionNames<RunStepsOptions> = { chunk: true, signal: true }

/** A training program loaded into ONNX Runtime. */
export interface Trainer {
  /** Takes as many steps as the batch holds, and gives the state after them. */
  run(state: TrainingState, batch: TrainingBatch, options?: RunStepsOptions): Promise<TrainingResult>
  /** Frees the session; the trainer cannot be used afterwards. */
  close(): Promise<void>
}

/** The form of the graph, and where it runs. */
export interface TrainerOptions extends RunOptions {
  /** 'loop' makes the steps of a chunk in one run of the graph; 'step' one run a step (default 'loop'). */
  form?: 'loop' | 'step'
  /** Compute in a worker thread, so that this one stays alive (default false). */
  worker?: boolean
}

export const TRAINER_OPTIONS: OptionNames<TrainerOptions> = {
  form: true,
  worker: true,
  threads: true,
  device: true,
}

/**
 * Loads a training program. The state goes in and comes out; the trainer itself keeps none.
 * @throws RangeError or TypeError if the program is wrong: a loss that is not a scalar, an input or a setting that does not exist.
 */
export async function openTrainer(program: TrainingProgram, given: TrainerOptions = {}): Promise<Trainer> {
  refuseUnknownOptions(given, TRAINER_OPTIONS, 'onnx-grad: openTrainer')
  const { form = 'loop', worker = false, ...options } = given
  checkAdamW(program.optimizer ?? {})
  const model = form === 'loop' ? encodeTrainingLoop(program) : encodeTrainingStep(program)
  const runner = await (worker ? loadInWorker(model, options) : loadModel(model, options))
  const groups = (['decayed', 'plain'] as const).filter((group) => program.layout.sizes[group] > 0)
  const runOnce = async (
    state: TrainingState,
    batch: TrainingBatch,
    stacked: boolean,
  ): Promise<TrainingResult> => {
    const count = batch.learningRates.length
    const feeds = stateFeeds(program, state, groups)
    const lead = stacked ? [count] : []
    if (stacked) feeds['steps'] = { dtype: 'int64', dims: [], data: BigInt64Array.of(BigInt(count)) }
    const numbers = batch.learningRates.map((rate, i) =>
      adamWNumbers(state.step + i + 1, rate, program.optimizer),
    )
    for (const name of ['rate', 'epsilon', 'keep'] as const) {
      feeds[name] = { dtype: 'float32', dims: lead, data: Float32Array.from(numbers, (n) => n[name]) }
    }
    addInputs(feeds, program.stepInputs, batch.stepInputs, lead)
    addInputs(feeds, program.sharedInputs ?? {}, batch.sharedInputs ?? {}, [])
    return collect(state, await runner.run(feeds), groups, count)
  }
  return {
    async run(state, batch, how = {}) {
      refuseUnknownOptions(how, RUN_STEPS_OPTIONS, 'onnx-grad: run')
      const { chunk = Infinity, signal } = how
      checkRates(batch.learningRates)
      if (!(chunk >= 1)) throw new RangeError(`onnx-grad: a chunk of ${chunk} steps; give 1 or more`)
      const steps = batch.learningRates.length
      addInputs({}, program.stepInputs, batch.stepInputs, [steps])
      const size = form === 'step' ? 1 : Math.min(steps, chunk)
      let current = state
      const parts: TrainingResult['metrics'][] = []
      for (let from = 0; from < steps && signal?.aborted !== true; from += size) {
        const result = await runOnce(current, cut(program, batch, from, from + size), form === 'loop')
        current = result.state
        parts.push(result.metrics)
      }
      return { state: current, metrics: joinMetrics(parts) }
    },
    close: () => runner.close(),
  }
}

function checkRates(rates: readonly number[]): void {
  const bad = Array.isArray(rates) ? rates.findIndex((rate) => !Number.isFinite(rate)) : 0
  if (bad < 0) return
  const got = Array.isArray(rates) ? `${String(rates[bad])} for step ${bad}` : String(rates)
  throw new RangeError(`onnx-grad: learningRates must be a finite number for every step, got ${got}`)
}

function stateFeeds(
  { layout }: TrainingProgram,
  state: TrainingState,
  groups: readonly ('decayed' | 'plain')[],
): Record<string, Value> {
  const feeds: Record<string, Value> = {}
  const vector = (data: Float32Array): Value => ({ dtype: 'float32', dims: [data.length], data })
  for (const group of groups) {
    feeds[`weights_${group}`] = vector(state.weights[group])
    feeds[`first_${group}`] = vector(state.first[group])
    feeds[`second_${group}`] = vector(state.second[group])
  }
  if (layout.sizes.frozen > 0) feeds['frozen'] = vector(state.weights.frozen)
  return feeds
}

function addInputs(
  feeds: Record<string, Value>,
  specs: Readonly<Record<string, InputSpec>>,
  values: Readonly<Record<string, TensorValues>>,
  lead: readonly number[],
): void {
  for (const [name, { dtype = 'float32', shape }] of Object.entries(specs)) {
    const data = values[name]
    const dims = [...lead, ...shape]
    const size = dims.reduce((a, b) => a * b, 1)
    if (data?.length !== size) {
      throw new RangeError(
        `onnx-grad: input ${name} needs ${size} values [${dims.join(', ')}], got ${data?.length ?? 'none'}`,
      )
    }
    feeds[name] = { dtype, dims, data }
  }
}

/** Steps `from` (included) to `to` (excluded) of a batch. */
function cut(program: TrainingProgram, batch: TrainingBatch, from: number, to: number): TrainingBatch {
  if (from === 0 && to >= batch.learningRates.length) return batch
  const stepInputs = Object.fromEntries(
    Object.entries(program.stepInputs).map(([name, { shape }]) => {
      const size = shape.reduce((a, b) => a * b, 1)
      return [name, batch.stepInputs[name]!.slice(from * size, to * size)]
    }),
  )
  return { ...batch, learningRates: batch.learningRates.slice(from, to), stepInputs }
}

function joinMetrics(parts: readonly TrainingResult['metrics'][]): TrainingResult['metrics'] {
  if (parts.length === 1) return parts[0]!
  return Object.fromEntries(
    Object.keys(parts[0] ?? {}).map((name) => [
      name,
      Float32Array.from(parts.flatMap((part) => Array.from(part[name]!))),
    ]),
  )
}

function collect(
  state: TrainingState,
  results: Readonly<Record<string, Value>>,
  groups: readonly ('decayed' | 'plain')[],
  count: number,
): TrainingResult {
  const next = { weights: { ...state.weights }, first: { ...state.first }, second: { ...state.second } }
  for (const group of groups) {
    next.weights[group] = results[`next_weights_${group}`]!.data as Float32Array
    next.first[group] = results[`next_first_${group}`]!.data as Float32Array
    next.second[group] = results[`next_second_${group}`]!.data as Float32Array
  }
  const metrics: Record<string, Float32Array> = {}
  for (const [name, { data }] of Object.entries(results)) {
    if (name.startsWith('metric_')) metrics[name.slice('metric_'.length)] = data as Float32Array
  }
  return { state: { step: state.step + count, ...next }, metrics }
}
