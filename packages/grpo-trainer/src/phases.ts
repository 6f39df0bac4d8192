import { InputError } from '@lever/durable-files'
import { layoutParameters } from '@lever/onnx-grad'
import type { ParameterLayout } from '@lever/onnx-grad'
import type { PointerModel } from '@lever/pointer-model'
import { refuseUnknownNames, remedyForName } from '@lever/durable-files/known-options'
import { describeLimits, isWithin } from './limits.ts'
import type { Limits } from './limits.ts'
import { OBJECTIVE_NAMES, OBJECTIVES, resolveOptions } from './objectives/index.ts'
import type { ObjectiveName, ObjectiveOptions } from './objectives/index.ts'
import type { Options } from './objectives/types.ts'
import { resolveAdded } from './terms.ts'
import type { AddedObjective, ResolvedAddition } from './terms.ts'

/** One phase of a training: an objective with its options, how long, and how the optimiser steps. */
export type PhaseOptions<Name extends ObjectiveName = ObjectiveName> = Name extends ObjectiveName
  ? PhaseFields & {
      readonly objective: Name
      /** Options of the objective that differ from its defaults. */
      readonly options?: Partial<ObjectiveOptions[Name]>
    }
  : never

/** What phases of all objectives have. */
export interface PhaseFields {
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
  /** Objectives that are added to the loss, each with a weight (default none). */
  readonly plus?: readonly AddedObjective[]
}

/** A phase with every default filled in. */
export type Phase = Required<Omit<PhaseFields, 'plus'>> & {
  readonly objective: ObjectiveName
  readonly options: Options
  readonly plus: readonly ResolvedAddition[]
}

/** What a field of a phase may be. */
export interface Field {
  readonly default: (objective: ObjectiveName) => unknown
  /** Of a number. */
  readonly limits?: Limits
  readonly choices?: readonly string[]
  /** Whether null is allowed. */
  readonly nullable?: true
}

const share = { min: 0, below: 1 }

type NoField = 'objective' | 'options' | 'plus'

/** The fields of a phase besides its objective and that objective's options: one line each, and one in `PhaseOptions`. */
export const FIELDS: Readonly<Record<Exclude<keyof PhaseFields, NoField>, Field>> = {
  epochs: { default: () => 0, limits: { min: 0, whole: true } },
  learningRate: { default: (objective) => (objective === 'grpo' ? 1e-5 : 1e-4), limits: { above: 0 } },
  schedule: { default: () => 'constant', choices: ['constant', 'cosine'] },
  warmup: { default: () => 0, limits: share },
  batchSize: { default: () => 16, limits: { min: 1, whole: true } },
  dropout: { default: () => 0, limits: share },
  attentionDropout: { default: () => 0, limits: share },
  weightDecay: { default: () => 0.01, limits: { min: 0 } },
  clipNorm: { default: () => 1, limits: { above: 0 }, nullable: true },
  freeze: { default: () => [] },
  dropFlat: { default: (objective) => OBJECTIVES[objective].dropFlat },
  patience: { default: () => null, limits: { min: 1, whole: true }, nullable: true },
  average: { default: () => null, limits: share, nullable: true },
  startFrom: { default: () => 'best', choices: ['best', 'last'] },
}

export type FieldName = keyof typeof FIELDS

/** The names of the fields. */
export const FIELD_NAMES: readonly FieldName[] = Object.keys(FIELDS) as FieldName[]

/** The original's backbone, which `--freeze-backbone` keeps as it is in GRPO. */
export const BACKBONE: readonly string[] = ['input_proj.*', 'query_proj.*', 'cand_proj.*']

/**
 * Fills in the defaults of a phase.
 * @throws InputError if a value is out of its range or an option of the objective is wrong.
 */
export function resolvePhase(given: PhaseOptions): Phase {
  if (!OBJECTIVE_NAMES.includes(given.objective)) {
    throw new InputError(
      `grpo-trainer: there is no objective "${given.objective as string}"; ${remedyForName(given.objective, OBJECTIVE_NAMES)}`,
    )
  }
  const defaults = Object.fromEntries(
    FIELD_NAMES.map((name) => [name, FIELDS[name].default(given.objective)]),
  ) as unknown as Omit<Phase, NoField>
  refusePlacedWrongly(given)
  const options = resolveOptions(given.objective, given.options, FIELD_NAMES)
  const plus = resolveAdded(given.objective, given.plus)
  const phase: Phase = { ...defaults, ...given, options, plus }
  for (const name of FIELD_NAMES) checkField(name, phase)
  checkKl(phase)
  return phase
}

/** @throws InputError for a field that phases do not have, and for an option that stands beside `options` */
function refusePlacedWrongly(given: PhaseOptions): void {
  for (const key of Object.keys(given)) {
    if (!Object.hasOwn(OBJECTIVES[given.objective].defaults, key) || Object.hasOwn(FIELDS, key)) continue
    throw new InputError(
      `grpo-trainer: a phase has no option "${key}", it is one of ${given.objective}; write options: { ${key}: ... }`,
    )
  }
  refuseUnknownNames(given, ['objective', ...FIELD_NAMES, 'options', 'plus'], 'grpo-trainer: a phase')
}

/** @throws InputError if a field is not what `FIELDS` says */
function checkField(name: FieldName, phase: Phase): void {
  const { limits, choices, nullable } = FIELDS[name]
  const value: unknown = phase[name]
  const kind = typeof FIELDS[name].default(phase.objective)
  const isRight =
    value === null
      ? nullable === true
      : limits !== undefined
        ? typeof value === 'number' && isWithin(value, limits)
        : choices !== undefined
          ? choices.includes(value as string)
          : kind === 'boolean'
            ? typeof value === 'boolean'
            : Array.isArray(value)
  if (isRight) return
  const rule =
    limits !== undefined
      ? describeLimits(limits)
      : (choices?.join(' or ') ?? (kind === 'boolean' ? 'true or false' : 'a list of patterns'))
  throw new InputError(
    `grpo-trainer: ${name} of phase ${phase.objective} must be ${rule}${nullable ? ', or null' : ''}, got ${JSON.stringify(value)}`,
  )
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
