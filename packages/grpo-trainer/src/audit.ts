import type { Group } from '@lever/rl-dataset'
import { isFlat } from './data.ts'
import type { TrainingData } from './data.ts'
import { OBJECTIVES } from './objectives/index.ts'
import type { Phase } from './phases.ts'
import type { Audit } from './types.ts'

/** The groups that a phase trains on: without flat ones, when it drops them. */
export function groupsOf(phase: Phase, groups: readonly Group[]): readonly Group[] {
  return phase.dropFlat ? groups.filter((group) => !isFlat(group)) : groups
}

/** What can be said before training: how much the data can teach, and what a policy that knows nothing reaches. */
export function auditData({ groups, validation = [] }: TrainingData, phases: readonly Phase[]): Audit {
  const flat = groups.filter(isFlat).length
  const perPhase = phases.map((phase) => {
    const taken = groupsOf(phase, groups)
    const objective = OBJECTIVES[phase.objective]
    const losses = taken.map((group) =>
      objective.uniformLoss({ ...group, poolSize: group.poolRows.length }, phase.options),
    )
    return {
      objective: phase.objective,
      groups: taken.length,
      steps: phase.epochs * Math.ceil(taken.length / phase.batchSize),
      uniformLoss: mean(losses),
    }
  })
  const warnings: string[] = []
  const informative = groups.length - flat
  if (informative === 0) {
    warnings.push(`0 of ${groups.length} groups have any reward variance: the rewards cannot teach anything`)
  } else if (flat > groups.length / 2) {
    warnings.push(
      `${informative} of ${groups.length} groups have any reward variance; propose more varied pointers, or more of them`,
    )
  }
  if (perPhase.every(({ steps }) => steps === 0)) {
    warnings.push(
      'no phase has an epoch and a group to train on: nothing is trained, the policy stays as it is',
    )
  }
  if (validation.length === 0) warnings.push('no validation groups: the last policy is taken, not the best')
  return {
    queries: groups.length,
    pointers: groups.reduce((total, { size }) => total + size, 0),
    validationQueries: validation.length,
    zeroVariance: flat / groups.length,
    reward: mean(groups.map(({ rawRewards }) => mean(rawRewards))),
    oracle: mean(groups.map(({ rawRewards }) => Math.max(...rawRewards))),
    phases: perPhase,
    warnings,
  }
}

/** Mean of numbers; 0 of none. */
export function mean(values: ArrayLike<number>): number {
  let total = 0
  for (let i = 0; i < values.length; i++) total += values[i]!
  return values.length === 0 ? 0 : total / values.length
}
