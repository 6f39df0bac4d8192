import { InputError } from '@lever/durable-files'
import { grpo } from './grpo.ts'
import { listwise } from './listwise.ts'
import { rce } from './rce.ts'
import { sft } from './sft.ts'
import type { Limits, Objective, Options } from './types.ts'

/** The names of the objectives. */
export const OBJECTIVE_NAMES = ['sft', 'rce', 'listwise', 'grpo'] as const

export type ObjectiveName = (typeof OBJECTIVE_NAMES)[number]

/** The objectives: a file in this folder, a name above and its entry here make one. */
export const OBJECTIVES: Readonly<Record<ObjectiveName, Objective>> = {
  sft: generic(sft),
  rce: generic(rce),
  listwise: generic(listwise),
  grpo: generic(grpo),
}

/** Options are checked against `defaults` and `choices` by `resolveOptions` before an objective sees them. */
function generic<O>(objective: Objective<O>): Objective {
  return objective as unknown as Objective
}

/**
 * All options of an objective: those given, the rest by default. `beside` are names that are no options but stand beside them.
 * @throws InputError when an option is unknown, has the wrong type, or a value that is not among the choices.
 */
export function resolveOptions(
  name: ObjectiveName,
  given: Options = {},
  beside: readonly string[] = [],
): Options {
  const { defaults, choices, limits } = OBJECTIVES[name]
  for (const [key, value] of Object.entries(given)) {
    if (!Object.hasOwn(defaults, key)) {
      throw new InputError(
        `grpo-trainer: ${name} has no option "${key}"; it has ${Object.keys(defaults).join(', ')}` +
          (beside.length > 0 ? `; a phase itself has ${beside.join(', ')}` : ''),
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
      throw new InputError(`grpo-trainer: option ${key} of ${name} must be ${describe(limit)}, got ${value}`)
    }
  }
  return { ...defaults, ...given }
}

function isWithin(
  value: number,
  { min = -Infinity, above, below = Infinity, whole = false }: Limits,
): boolean {
  return (
    value >= min &&
    value < below &&
    (above === undefined || value > above) &&
    (!whole || Number.isInteger(value))
  )
}

function describe({ min, above, below, whole = false }: Limits): string {
  const parts = [
    ...(min === undefined ? [] : [`from ${min}`]),
    ...(above === undefined ? [] : [`above ${above}`]),
    ...(below === undefined ? [] : [`below ${below}`]),
  ]
  return `a ${whole ? 'whole ' : ''}number ${parts.join(' and ')}`
}

function kindOf(value: unknown): string {
  return value === null ? 'null' : typeof value
}
