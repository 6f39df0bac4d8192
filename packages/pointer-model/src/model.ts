import { InputError } from '@lever/durable-files'
import type { Parameter, Parameters } from '@lever/onnx-grad'
import { createRandom } from '@lever/reward-utils'
import { refuseUnknownOptions, remedyForName, type OptionNames } from '@lever/durable-files/known-options'
import { ARCHITECTURES, ARCHITECTURE_NAMES } from './architectures/index.ts'
import type { ArchitectureName, ConfigOf } from './architectures/index.ts'
import { checkedMembers } from './members.ts'
import type { Members } from './members.ts'
import type { Floor } from './floor/types.ts'
import type { Architecture, ArchitectureConfig } from './types.ts'

/** Settings of an architecture, as they stand in a configuration file: `dim` (D) and whatever differs from the defaults. */
export type ModelSettings<Name extends ArchitectureName = ArchitectureName> = Pick<
  ArchitectureConfig,
  'dim'
> &
  OwnSettings<Name>

/** Settings of an architecture that differ from its defaults, without `dim`. */
export type OwnSettings<Name extends ArchitectureName = ArchitectureName> = Name extends ArchitectureName
  ? Partial<Omit<ConfigOf<Name>, 'dim'>>
  : never

/** A pointer network: which one, its settings, and the values of its trainable arrays. */
export interface PointerModel {
  readonly architecture: ArchitectureName
  readonly config: ArchitectureConfig
  readonly parameters: Parameters
  /** Whose learned numbers the model holds, where `config.members` is set. */
  readonly members?: Members
  /** What chooses in place of the policy alone, where that did better on validation. */
  readonly floor?: Floor
}

/**
 * The architecture of a name.
 * @throws InputError if there is none.
 */
export function architectureOf(name: ArchitectureName): Architecture {
  return ARCHITECTURES[architectureName(name)]
}

/**
 * A name that was read from a file or typed by somebody.
 * @throws InputError if there is no such architecture
 */
export function architectureName(name: string): ArchitectureName {
  if (Object.hasOwn(ARCHITECTURES, name)) return name as ArchitectureName
  throw new InputError(
    `pointer-model: there is no architecture "${name}"; ${remedyForName(name, ARCHITECTURE_NAMES)}`,
  )
}

/**
 * All settings of an architecture: those given, the rest by default.
 * @throws InputError if a setting is unknown, of another type than its default, or a number that is not positive (a size:
 * a positive integer), and when `dim` is missing.
 */
export function resolveConfig<Name extends ArchitectureName>(
  name: Name,
  settings: ModelSettings<Name>,
): ArchitectureConfig {
  const own: Readonly<Record<string, unknown>> = { dim: 0, ...architectureOf(name).defaults }
  const defaults: Readonly<Record<string, unknown>> = { ...own, members: 0 }
  for (const [key, value] of Object.entries(settings) as [string, unknown][]) {
    if (!Object.hasOwn(defaults, key)) {
      throw new InputError(
        `pointer-model: ${name} has no setting "${key}"; ${remedyForName(key, Object.keys(defaults))}`,
      )
    }
    const expected = defaults[key]
    if (typeof value !== typeof expected) {
      throw new InputError(
        `pointer-model: setting ${key} of ${name} must be a ${typeof expected}, got ${String(value)}`,
      )
    }
    if (Number.isInteger(expected) && !(Number.isSafeInteger(value) && (value as number) > 0)) {
      throw new InputError(
        `pointer-model: setting ${key} of ${name} must be a positive integer, got ${String(value)}`,
      )
    }
    if (typeof value === 'number' && !(value > 0 && value < Infinity)) {
      throw new InputError(`pointer-model: setting ${key} of ${name} must be a positive number, got ${value}`)
    }
  }
  if (!Object.hasOwn(settings, 'dim')) {
    throw new InputError(`pointer-model: the settings of ${name} lack dim, the size D of the embeddings`)
  }
  return { ...own, ...settings } as unknown as ArchitectureConfig
}

/** What a new model is like. */
export interface CreateModelOptions<Name extends ArchitectureName = ArchitectureName> {
  /** Default `cross-attention`. */
  readonly architecture?: Name
  /** D, and whatever of the architecture differs from its defaults. */
  readonly settings: ModelSettings<Name>
  /** Seed of the first values. Default 0. */
  readonly seed?: number | string
  /** Members of a library that get a learned number each; the setting `members` follows. */
  readonly members?: Members | undefined
}

const CREATE_MODEL_OPTIONS: OptionNames<CreateModelOptions> = {
  architecture: true,
  settings: true,
  seed: true,
  members: true,
}

/**
 * A new model. Every array draws from a stream of its own, so its values depend on the seed, its
 * name and its shape only.
 *
 * @throws InputError for an unknown architecture, and for a setting that it does not have or that is out of its range
 */
export function createModel<Name extends ArchitectureName = 'cross-attention'>(
  options: CreateModelOptions<Name>,
): PointerModel {
  refuseUnknownOptions(options, CREATE_MODEL_OPTIONS, 'pointer-model: createModel')
  const { settings, seed = 0, members } = options
  const architecture: ArchitectureName = options.architecture ?? 'cross-attention'
  const count = members && members.ids.length > 0 ? { members: members.ids.length } : {}
  const config = resolveConfig(architecture, { ...settings, ...count })
  if (config.members !== undefined) checkedMembers(members, config.members)
  const parameters = new Map<string, Parameter>()
  for (const { name, shape, initial } of architectureOf(architecture).parameters(config)) {
    parameters.set(name, { shape, values: initial(createRandom(seed, 'parameter', name), shape) })
  }
  return { architecture, config, parameters, ...(members && config.members !== undefined && { members }) }
}

/** Number of trainable numbers of a model. */
export function countParameters({ parameters }: PointerModel): number {
  let count = 0
  for (const { values } of parameters.values()) count += values.length
  return count
}
