import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { hashBytes, InputError, writeFilesAtomic } from '@lever/durable-files'
import { flattenParameters, unflattenParameters } from '@lever/onnx-grad'
import type { ParameterLayout, Parameters } from '@lever/onnx-grad'
import { architectureOf, encodeCheckpoint, isUntrained } from '@lever/pointer-model'
import type { PointerModel } from '@lever/pointer-model'
import { checkData, checkProposer, hashData, hashProposer, rewardSpread } from './data.ts'
import { openMetricsLog } from './metrics-log.ts'
import type { MetricsLog } from './metrics-log.ts'
import { checkFreeze, resolvePhase } from './phases.ts'
import type { Phase } from './phases.ts'
import { flatLayout, usesProposer } from './program.ts'
import { decodeState, encodeState } from './state.ts'
import type { RunState } from './state.ts'
import { SELECT_BY } from './types.ts'
import type { Metrics, SelectedPolicy, TrainOptions } from './types.ts'

/** A training with its defaults filled in, its log open, and where its files go. */
export interface Run {
  readonly options: TrainOptions
  readonly phases: readonly Phase[]
  /** Names of the phases: `rce`, `grpo`; `rce2` when an objective comes again. */
  readonly names: readonly string[]
  readonly seed: number
  readonly layout: ParameterLayout
  /** Spread of the rewards of the training groups, in their unit. */
  readonly spread: number
  /** The parameters before the training, in one vector. */
  readonly initial: Float32Array
  /** Where it starts or continues. */
  readonly start: RunState
  readonly resumed: boolean
  readonly log: MetricsLog | undefined
}

/**
 * Checks the options and the data, and finds out whether a training continues.
 * @throws InputError if something is wrong, or the output folder belongs to another training.
 */
export async function openRun(options: TrainOptions): Promise<Run> {
  const { model, data, seed = 0, output } = options
  checkOptions(options)
  const phases = options.phases.map(resolvePhase)
  checkData(data, { dim: model.config.dim, stops: architectureOf(model.architecture).stops })
  if (phases.some(usesProposer)) checkProposer(data)
  for (const phase of phases) checkFreeze(phase, model.parameters)
  const layout = flatLayout(model)
  const initial = flattenParameters(layout, model.parameters).decayed
  const identity = identityOf(options, phases, initial)
  const found = output === undefined ? undefined : await readState(output, identity)
  if (output !== undefined) await removeTemporaries(join(output, checkpoints))
  const start = found ?? freshState(initial)
  const log =
    output === undefined
      ? undefined
      : await openMetricsLog(
          join(output, 'metrics.jsonl'),
          start.metricsBytes,
          options.tensorboard === true ? join(output, 'tensorboard', EVENTS) : undefined,
        )
  return {
    options,
    phases,
    names: namesOf(phases),
    seed,
    layout,
    initial,
    spread: rewardSpread(data.groups),
    start,
    resumed: found !== undefined,
    log,
  }
}

function checkOptions({ selectBy = SELECT_BY[0], chunk = 1, saveEvery = null }: TrainOptions): void {
  if (!SELECT_BY.includes(selectBy)) {
    throw new InputError(
      `grpo-trainer: selectBy must be one of ${SELECT_BY.join(', ')}, got ${selectBy as string}`,
    )
  }
  for (const [name, value] of Object.entries({ chunk, saveEvery })) {
    if (value === null || (Number.isSafeInteger(value) && value >= 1)) continue
    throw new InputError(`grpo-trainer: ${name} must be a whole number from 1, got ${value}`)
  }
}

function identityOf(
  { model, data, seed = 0, selectBy = 'reward_ranked' }: TrainOptions,
  phases: readonly Phase[],
  initial: Float32Array,
): unknown {
  return {
    architecture: model.architecture,
    config: model.config,
    parameters: hashBytes(new Uint8Array(initial.buffer, initial.byteOffset, initial.byteLength)),
    data: hashData(data),
    ...(phases.some(usesProposer) ? { proposer: hashProposer(data) } : {}),
    phases,
    seed,
    selectBy,
  }
}

function namesOf(phases: readonly Phase[]): string[] {
  return phases.map(({ objective }, i) => {
    const before = phases.slice(0, i).filter((phase) => phase.objective === objective).length
    return before === 0 ? objective : `${objective}${before + 1}`
  })
}

function freshState(initial: Float32Array): RunState {
  return {
    phase: 0,
    epoch: 0,
    cursor: 0,
    started: false,
    finished: false,
    step: 0,
    training: undefined,
    last: { phase: 0, epoch: 0, step: 0, metrics: {}, parameters: initial },
    snapshots: {},
    kl: undefined,
    klSum: 0,
    klCount: 0,
    average: new Float32Array(),
    averaged: 0,
    best: undefined,
    stale: 0,
    metricsBytes: 0,
  }
}

/** TensorBoard looks for `tfevents` in names. */
const EVENTS = 'events.out.tfevents.0.lever'

const checkpoints = 'checkpoints'
const stateFile = 'state.safetensors'

async function readState(output: string, identity: unknown): Promise<RunState | undefined> {
  const path = join(output, checkpoints, stateFile)
  let bytes: Uint8Array
  try {
    bytes = await readFile(path)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return undefined
    throw new InputError(`grpo-trainer: cannot read ${path} (${message}); use another output folder`, {
      cause: error,
    })
  }
  return decodeState(bytes, identity, path)
}

/** Removes temporary files that a killed writer left behind (the names of `writeFilesAtomic`). */
async function removeTemporaries(folder: string): Promise<void> {
  const names = await readdir(folder).catch((): string[] => [])
  for (const name of names) if (/^\..+\.\d+-\d+\.tmp$/.test(name)) await rm(join(folder, name))
}

/** The model with other parameters, given as one vector. */
export function modelOf({ options, layout }: Run, vector: Float32Array): PointerModel {
  return { ...options.model, parameters: namedParameters(layout, vector) }
}

/** One vector of all parameters as named arrays. */
export function namedParameters(layout: ParameterLayout, vector: Float32Array): Parameters {
  const nothing = new Float32Array()
  return unflattenParameters(layout, { decayed: vector, plain: nothing, frozen: nothing })
}

/** Where the policy of the last finished epoch lies, in words. */
export function keptSoFar({ options: { output } }: Run, { step, cursor }: RunState): string {
  if (output === undefined) return 'nothing was saved, since there is no output folder'
  if (step === cursor) return 'no epoch was finished before, so there is no checkpoint to go back to'
  return `${join(output, checkpoints, 'last.safetensors')} is the policy after step ${step - cursor}`
}

/** Saves the state and, before it, checkpoints by name; all or nothing up to the renames. Gives the paths. */
export async function saveRun(
  run: Run,
  state: RunState,
  policies: Readonly<Record<string, SelectedPolicy>>,
): Promise<readonly string[]> {
  const { output, info = {}, start } = run.options
  if (output === undefined || run.log === undefined) return []
  await run.log.sync()
  const folder = join(output, checkpoints)
  await mkdir(folder, { recursive: true })
  const files = Object.entries(policies).map(([name, policy]) => ({
    path: join(folder, `${name}.safetensors`),
    data: encodeCheckpoint({
      model: policy.model,
      info: {
        ...info,
        phase: policy.phase,
        ...(policy.phase === 'init' && { trained: start !== undefined && !isUntrained(start) }),
        epoch: policy.epoch,
        step: policy.step,
        metrics: policy.metrics,
        training: { phases: run.phases, seed: run.seed },
      },
    }),
  }))
  const identity = identityOf(run.options, run.phases, run.initial)
  files.push({
    path: join(folder, stateFile),
    data: encodeState({ ...state, metricsBytes: run.log.bytes }, identity),
  })
  await writeFilesAtomic(files)
  return files.map(({ path }) => path)
}

/** Rounds metrics to seven digits, what float32 holds. */
export function rounded(metrics: Metrics): Metrics {
  return Object.fromEntries(
    Object.entries(metrics).map(([name, value]) => [name, Number(value.toPrecision(7))]),
  )
}
