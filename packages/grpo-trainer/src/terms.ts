import { InputError } from '@lever/durable-files'
import { refuseUnknownNames } from '@lever/durable-files/known-options'
import { OBJECTIVE_NAMES, OBJECTIVES, resolveOptions } from './objectives/index.ts'
import type { ObjectiveName, ObjectiveOptions } from './objectives/index.ts'
import type { Moment, Objective, Options, RewardedGroup } from './objectives/types.ts'

/** An objective that is added to that of a phase: loss + weight x its loss, on the same pointers. */
export type AddedObjective<Name extends ObjectiveName = ObjectiveName> = Name extends ObjectiveName
  ? {
      readonly objective: Name
      /** Default 1. */
      readonly weight?: number
      /** Options of this objective that differ from its defaults. */
      readonly options?: Partial<ObjectiveOptions[Name]>
    }
  : never

/** An added objective with every default filled in. */
export interface ResolvedAddition {
  readonly objective: ObjectiveName
  readonly weight: number
  readonly options: Options
}

/** One term of the loss of a phase: first the objective of the phase, then those that are added. */
export interface Term {
  readonly objective: Objective
  readonly weight: number
  readonly options: Options
  /** Prefix of its inputs and metrics: '' for the objective of the phase, `rce/` for RCE that is added. */
  readonly prefix: string
}

interface Terms {
  readonly objective: ObjectiveName
  readonly options: Options
  readonly plus: readonly ResolvedAddition[]
}

/** The terms of the loss of a phase. */
export function termsOf({ objective, options, plus }: Terms): Term[] {
  return [
    { objective: OBJECTIVES[objective], weight: 1, options, prefix: '' },
    ...plus.map((added) => ({
      objective: OBJECTIVES[added.objective],
      weight: added.weight,
      options: added.options,
      prefix: `${added.objective}/`,
    })),
  ]
}

/** Numbers of all terms that change from step to step, by name. */
export function scalarsOf(phase: Terms, moment: Moment): Record<string, number> {
  return Object.assign(
    {},
    ...termsOf(phase).map(({ objective, options, prefix }) =>
      Object.fromEntries(
        Object.entries(objective.scalars(moment, options)).map(([name, value]) => [prefix + name, value]),
      ),
    ),
  ) as Record<string, number>
}

/** The loss of a policy that knows nothing, of all terms. */
export function uniformLossOf(phase: Terms, group: RewardedGroup & { poolSize: number }): number {
  return termsOf(phase).reduce(
    (sum, { objective, weight, options }) => sum + weight * objective.uniformLoss(group, options),
    0,
  )
}

/**
 * Added objectives with their defaults.
 * @throws InputError for one that is unknown, given twice, compares with other policies, or has a wrong weight or option
 */
export function resolveAdded(main: ObjectiveName, plus: readonly AddedObjective[] = []): ResolvedAddition[] {
  const names = [main, ...plus.map(({ objective }) => objective)]
  return plus.map((added, i) => {
    refuseUnknownNames(added, ['objective', 'weight', 'options'], 'grpo-trainer: an added objective')
    const { objective, weight = 1, options } = added
    const fail = (what: string): never => {
      throw new InputError(`grpo-trainer: ${objective as string} added to phase ${main} ${what}`)
    }
    if (!OBJECTIVE_NAMES.includes(objective)) fail(`is no objective; add ${OBJECTIVE_NAMES.join(', ')}`)
    if (names.indexOf(objective) <= i) fail('is there already; change its options')
    if (OBJECTIVES[objective].snapshots !== undefined) {
      fail('compares with policies of other moments, so it cannot be added; give it a phase of its own')
    }
    if (!(weight >= 0 && weight < Infinity)) fail(`must have a weight from 0, got ${weight}`)
    return { objective, weight, options: resolveOptions(objective, options) }
  })
}
