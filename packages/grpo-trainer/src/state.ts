import { canonicalJson, differences, InputError } from '@lever/durable-files'
import type { TrainingState } from '@lever/onnx-grad'
import type { AdaptiveKl } from '@lever/reward-utils'
import { decodeSafetensors, encodeSafetensors } from '@lever/tensor-files'
import type { TensorEntry } from '@lever/tensor-files'
import type { Snapshot } from './objectives/types.ts'
import type { Metrics } from './types.ts'

/** A policy that is kept, where it comes from, and its validation. */
export interface Kept {
  /** Number of the phase, from 0. */
  readonly phase: number
  /** Finished epochs and steps of the phase. */
  readonly epoch: number
  readonly step: number
  readonly metrics: Metrics
  /** All parameters in one vector. */
  readonly parameters: Float32Array
}

/** Everything that the rest of a training depends on, between two steps. The order of queries and the dropout masks follow from the seed and the step. */
export interface RunState {
  /** Number of the phase, from 0. */
  readonly phase: number
  /** Finished epochs of the phase, and finished steps of the epoch that runs. */
  readonly epoch: number
  readonly cursor: number
  /** Has the phase been set up, and its start been validated? */
  readonly started: boolean
  readonly finished: boolean
  /** Finished steps of the whole training. */
  readonly step: number
  /** Weights and moments; undefined before a phase is set up. */
  readonly training: TrainingState | undefined
  /** The policy at the end of the last epoch. */
  readonly last: Kept
  readonly snapshots: Readonly<Partial<Record<Exclude<Snapshot, 'initial'>, Float32Array>>>
  readonly kl: AdaptiveKl | undefined
  /** Sum and number of the KL values measured in the epoch that runs. */
  readonly klSum: number
  readonly klCount: number
  /** Mean of the weights at the ends of `averaged` epochs of the phase, in one vector; empty when there is none. */
  readonly average: Float32Array
  readonly averaged: number
  /** The best policy on validation. */
  readonly best: Kept | undefined
  /** Validations without a better policy. */
  readonly stale: number
  /** Length of `metrics.jsonl`. */
  readonly metricsBytes: number
}

const vectorGroups = ['weights', 'first', 'second'] as const

/** A state as safetensors: vectors as tensors, the rest as JSON. `identity` says whose state it is. */
export function encodeState(state: RunState, identity: unknown): Uint8Array {
  const { training, snapshots, best, last, average, ...plain } = state
  const tensors = new Map<string, TensorEntry>()
  const put = (name: string, data: Float32Array): void => {
    if (data.length > 0) tensors.set(name, { dtype: 'F32', shape: [data.length], data })
  }
  put('last', last.parameters)
  put('average', average)
  if (best !== undefined) put('best', best.parameters)
  for (const [name, vector] of Object.entries(snapshots)) put(`snapshot.${name}`, vector)
  if (training !== undefined) {
    for (const kind of vectorGroups) {
      for (const [group, vector] of Object.entries(training[kind])) put(`${kind}.${group}`, vector)
    }
  }
  const json = { ...plain, adamStep: training?.step, last: placeOf(last), best: best && placeOf(best) }
  return encodeSafetensors({
    tensors,
    metadata: new Map([
      ['format', 'lever-training-state'],
      ['identity', canonicalJson(identity)],
      ['state', canonicalJson(json)],
    ]),
  })
}

function placeOf({ phase, epoch, step, metrics }: Kept): Omit<Kept, 'parameters'> {
  return { phase, epoch, step, metrics }
}

type PlainState = Omit<RunState, 'training' | 'snapshots' | 'best' | 'last' | 'average'> & {
  adamStep?: number
  last: Omit<Kept, 'parameters'>
  best?: Omit<Kept, 'parameters'>
}

/**
 * Reads a state.
 * @throws InputError if the file is not a state, or that of another training, with what differs.
 */
export function decodeState(bytes: Uint8Array, identity: unknown, file: string): RunState {
  const { tensors, metadata } = decodeSafetensors(bytes, file)
  if (metadata.get('format') !== 'lever-training-state') {
    throw new InputError(`grpo-trainer: ${file} is not the state of a training; use another output folder`)
  }
  const there = JSON.parse(metadata.get('identity') ?? 'null') as unknown
  const here = JSON.parse(canonicalJson(identity)) as unknown
  const different = differences(there, here)
  if (different.length > 0) {
    throw new InputError(
      `grpo-trainer: ${file} belongs to another training: ${different.slice(0, 10).join('; ')}; use another output folder, or the same options and data`,
    )
  }
  const { adamStep, best, last, ...plain } = JSON.parse(metadata.get('state') ?? '{}') as PlainState
  const take = (name: string): Float32Array =>
    Float32Array.from((tensors.get(name)?.data as Float32Array | undefined) ?? [])
  const snapshots = Object.fromEntries(
    (['epoch', 'phase'] as const)
      .filter((name) => tensors.has(`snapshot.${name}`))
      .map((name) => [name, take(`snapshot.${name}`)]),
  )
  const moments = (kind: 'first' | 'second'): Record<'decayed' | 'plain', Float32Array> => ({
    decayed: take(`${kind}.decayed`),
    plain: take(`${kind}.plain`),
  })
  const weights = {
    decayed: take('weights.decayed'),
    plain: take('weights.plain'),
    frozen: take('weights.frozen'),
  }
  return {
    ...plain,
    kl: plain.kl,
    training:
      adamStep === undefined
        ? undefined
        : { step: adamStep, weights, first: moments('first'), second: moments('second') },
    last: { ...last, parameters: take('last') },
    average: take('average'),
    snapshots,
    best: best === undefined ? undefined : { ...best, parameters: take('best') },
  }
}
