import { InputError } from '@lever/durable-files'
import { nearest, remedyForName } from '@lever/durable-files/known-options'
import { describeLimits, isWithin } from '../limits.ts'
import * as TABLE from './table.ts'
import type { Objective, Options } from './types.ts'

/** A name of {@link OBJECTIVES}. */
export type ObjectiveName = keyof typeof TABLE

/** Every option of every objective, by the objective's name. */
export type ObjectiveOptions = {
  readonly [Name in ObjectiveName]: (typeof TABLE)[Name] extends Objective<infer O> ? O : never
}

/** The objectives by name. Options are checked by `resolveOptions` before an objective sees them. */
export const OBJECTIVES: Readonly<Record<ObjectiveName, Objective>> = TABLE as unknown as Record<
  ObjectiveName,
  Objective
>

/** The names of the objectives, in the order of phases. */
export const OBJECTIVE_NAMES: readonly ObjectiveName[] = (Object.keys(TABLE) as ObjectiveName[]).sort(
  (a, b) => TABLE[a].order - TABLE[b].order,
)

/**
 * All options of an objective: those given, the rest by default. `beside` are names that are no options but stand beside them.
 * @throws InputError if an option is unknown, has the wrong type, or a value that is not among the choices
 */
export function resolveOptions<Name extends ObjectiveName>(
  name: Name,
  given: Partial<ObjectiveOptions[Name]> = {},
  beside: readonly string[] = [],
): Options {
  const { defaults, choices, limits } = OBJECTIVES[name]
  for (const [key, value] of Object.entries(given as Options)) {
    if (!Object.hasOwn(defaults, key)) {
      const names = Object.keys(defaults)
      const hint = nearest(key, names) === undefined && beside.length > 0
      const more = hint ? `; a phase itself has ${beside.join(', ')}` : ''
      const own = remedyForName(key, names) + more
      throw new InputError(
        `grpo-trainer: ${name} has no option "${key}"; ` +
          (beside.includes(key) ? 'it belongs to the phase itself, beside options' : own),
      )
    }
    const allowed = choices[key]
    if (allowed !== undefined && !allowed.includes(value)) {
      throw new InputError(
        `grpo-trainer: option ${key} of ${name} must be one of ${allowed.join(', ')}, got ${String(value)}`,
      )
    }
    const standard = defaults[key]
    const kinds = standard === null ? ['number', 'null'] : [kindOf(standard!)]
    const nullable = key === 'advantageClip'
    if (!kinds.includes(kindOf(value)) && !(nullable && value === null)) {
      throw new InputError(
        `grpo-trainer: option ${key} of ${name} must be a ${kinds.join(' or ')}, got ${String(value)}`,
      )
    }
    if (typeof value === 'number' && !Number.isFinite(value)) {
      throw new InputError(`grpo-trainer: option ${key} of ${name} must be finite, got ${value}`)
    }
    const limit = limits[key]
    if (typeof value === 'number' && limit !== undefined && !isWithin(value, limit)) {
      throw new InputError(
        `grpo-trainer: option ${key} of ${name} must be ${describeLimits(limit)}, got ${value}`,
      )
    }
  }
  return { ...defaults, ...given }
}

function kindOf(value: unknown): string {
  return value === null ? 'null' : typeof value
}
