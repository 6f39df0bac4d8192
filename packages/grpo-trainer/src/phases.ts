import { InputError } from '@lever/durable-files'
import { layoutParameters } from '@lever/onnx-grad'
import type { ParameterLayout } from '@lever/onnx-grad'
import type { PointerModel } from '@lever/pointer-model'
import { OBJECTIVE_NAMES, OBJECTIVES, resolveOptions } from './objectives/index.ts'
import type { ObjectiveName } from './objectives/index.ts'
import type { Options } from './objectives/types.ts'

/** One phase of a training: an objective, how long, and how the optimiser steps. */
export interface PhaseOptions {
  readonly objective: ObjectiveName
  /** 0 leaves the phase out. */
  readonly epochs: number
  /** Default 1e-4; grpo 1e-5. */
  readonly learningRate?: number
  /** `constant` (default), or `cosine` to 0 over the phase. */
  readonly schedule?: 'constant' | 'cosine'
  /** Share of the steps in which the rate grows to its height (default 0). */
  readonly warmup?: number
  /** Queries a step (default 16). */
  readonly batchSize?: number
  /** Share of features dropped before the query and candidate projections (default 0). */
  readonly dropout?: number
  /** Share of attention weights dropped (default 0). */
  readonly attentionDropout?: number
  /** Default 0.01, as torch.optim.AdamW. */
  readonly weightDecay?: number
  /** Limit of the global gradient norm (default 1); null for none. */
  readonly clipNorm?: number | null
  /** Globs of parameters that do not train (default none). */
  readonly freeze?: readonly string[]
  /** Leave out groups whose rewards are all equal (default by objective: listwise and grpo do). */
  readonly dropFlat?: boolean
  /** Stop the phase after so many epochs without a better validation reward (default null: never). */
  readonly patience?: number | null
  /**
   * Share of the epochs after which the policy is the mean of the weights at the ends of epochs
   * (stochastic weight averaging; Izmailov et al. 2018); default null: the latest weights.
   */
  readonly average?: number | null
  /** Where the phase starts: from the best or the last parameters of the phases before (default `best`). */
  readonly startFrom?: 'best' | 'last'
  /** Options of the objective. */
  readonly options?: Options
}

/** A phase with every default filled in. */
export type Phase = Required<PhaseOptions>

/** The original's backbone, which `--freeze-backbone` keeps as it is in GRPO. */
export const BACKBONE: readonly string[] = ['input_proj.*', 'query_proj.*', 'cand_proj.*']

/**
 * Fills in the defaults of a phase.
 * @throws InputError when a value is out of its range or an option of the objective is wrong.
 */
export function resolvePhase(given: PhaseOptions): Phase {
  if (!OBJECTIVE_NAMES.includes(given.objective)) {
    throw new InputError(
      `grpo-trainer: there is no objective "${given.objective as string}"; use ${OBJECTIVE_NAMES.join(', ')}`,
    )
  }
  const defaults = {
    learningRate: given.objective === 'grpo' ? 1e-5 : 1e-4,
    schedule: 'constant' as const,
    warmup: 0,
    batchSize: 16,
    dropout: 0,
    attentionDropout: 0,
    weightDecay: 0.01,
    clipNorm: 1,
    freeze: [],
    dropFlat: OBJECTIVES[given.objective].dropFlat,
    patience: null,
    average: null,
    startFrom: 'best' as const,
  }
  const known = ['objective', 'epochs', ...Object.keys(defaults), 'options']
  const foreign = Object.keys(given).find((key) => !known.includes(key))
  if (foreign !== undefined) {
    throw new InputError(
      `grpo-trainer: a phase has no "${foreign}"; it has ${known.join(', ')} (those of ${given.objective} go into options)`,
    )
  }
  const beside = known.filter((key) => key !== 'objective' && key !== 'options')
  const options = resolveOptions(given.objective, given.options, beside)
  const phase: Phase = { ...defaults, ...given, options }
  const share = (x: number): boolean => Number.isFinite(x) && x >= 0 && x < 1
  const positive = (x: number): boolean => Number.isFinite(x) && x > 0
  const whole = (x: number, least: number): boolean => Number.isSafeInteger(x) && x >= least
  const checks: readonly (readonly [key: keyof Phase, ok: boolean, rule: string])[] = [
    ['epochs', whole(phase.epochs, 0), 'a whole number from 0'],
    ['learningRate', positive(phase.learningRate), 'positive'],
    ['warmup', share(phase.warmup), 'in [0, 1)'],
    ['batchSize', whole(phase.batchSize, 1), 'a whole number from 1'],
    ['dropout', share(phase.dropout), 'in [0, 1)'],
    ['attentionDropout', share(phase.attentionDropout), 'in [0, 1)'],
    ['weightDecay', phase.weightDecay === 0 || positive(phase.weightDecay), 'at least 0'],
    ['clipNorm', phase.clipNorm === null || positive(phase.clipNorm), 'positive or null'],
    ['patience', phase.patience === null || whole(phase.patience, 1), 'a whole number from 1, or null'],
    ['average', phase.average === null || share(phase.average), 'in [0, 1) or null'],
    ['schedule', ['constant', 'cosine'].includes(phase.schedule), 'constant or cosine'],
    ['freeze', Array.isArray(phase.freeze), 'a list of patterns'],
    ['dropFlat', typeof phase.dropFlat === 'boolean', 'true or false'],
    ['startFrom', ['best', 'last'].includes(phase.startFrom), 'best or last'],
  ]
  for (const [key, ok, rule] of checks) {
    if (ok) continue
    throw new InputError(
      `grpo-trainer: ${key} of phase ${phase.objective} must be ${rule}, got ${JSON.stringify(phase[key])}`,
    )
  }
  checkKl(phase)
  return phase
}

/** @throws InputError for a KL coefficient that cannot start, before any phase has been trained */
function checkKl({ objective, options }: Phase): void {
  try {
    OBJECTIVES[objective].kl?.(options)
  } catch (cause) {
    throw new InputError(`grpo-trainer: phase ${objective}: ${(cause as Error).message}`, { cause })
  }
}

/**
 * Checks that the patterns of frozen parameters fit the model, before any phase has been trained.
 * @throws InputError for a pattern that matches nothing, and when nothing is left to train
 */
export function checkFreeze(
  { objective, freeze, epochs }: Phase,
  parameters: PointerModel['parameters'],
): void {
  if (epochs === 0 || freeze.length === 0) return
  let sizes: ParameterLayout['sizes']
  try {
    ;({ sizes } = layoutParameters(parameters, { freeze }))
  } catch (cause) {
    throw new InputError(`grpo-trainer: phase ${objective}: ${(cause as Error).message}`, { cause })
  }
  if (sizes.decayed + sizes.plain > 0) return
  throw new InputError(
    `grpo-trainer: freeze of phase ${objective} leaves no parameter to train, got ${freeze.join(', ')}; set its epochs to 0, or freeze less`,
  )
}
