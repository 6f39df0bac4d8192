import type { Group } from '@lever/rl-dataset'
import { choicesOf, isFlat } from './data.ts'
import type { TrainingData } from './data.ts'
import { largest, mean } from './numbers.ts'
import type { Phase } from './phases.ts'
import { uniformLossOf } from './terms.ts'
import type { Audit } from './types.ts'

/** The groups that a phase trains on: without flat ones, when it drops them. */
export function groupsOf(phase: Phase, groups: readonly Group[]): readonly Group[] {
  return phase.dropFlat ? groups.filter((group) => !isFlat(group)) : groups
}

/**
 * What can be said before training: how much the data can teach, and what a policy that knows nothing reaches. One that
 * `stops` has STOP as one more choice, and pointers that end at different steps.
 */
export function auditData(
  { groups, validation = [] }: TrainingData,
  phases: readonly Phase[],
  stops = false,
): Audit {
  const flat = groups.filter(isFlat).length
  const perPhase = phases.map((phase) => {
    const taken = groupsOf(phase, groups)
    const losses = taken.map((group) => uniformLoss(group, phase, stops))
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
  const shared = sharedWith(groups, validation)
  if (shared > 0) {
    warnings.push(
      `${shared} of ${validation.length} validation groups are about queries or images that are trained on: their figures are too good`,
    )
  }
  if (validation.length === 0) {
    const endless = phases.some(({ patience }) => patience !== null) ? ', and patience ends no phase' : ''
    warnings.push(`no validation groups: the last policy is taken, not the best${endless}`)
  }
  return {
    queries: groups.length,
    pointers: groups.reduce((total, { size }) => total + size, 0),
    validationQueries: validation.length,
    zeroVariance: flat / groups.length,
    reward: mean(groups.map(({ rawRewards }) => mean(rawRewards))),
    oracle: mean(groups.map(({ rawRewards }) => largest(rawRewards))),
    phases: perPhase,
    warnings,
  }
}

function uniformLoss(group: Group, phase: Phase, stops: boolean): number {
  const lossOf = (shots: number, poolSize: number): number =>
    uniformLossOf(phase, { ...group, shots, poolSize })
  const N = group.poolRows.length
  if (!stops) return lossOf(group.shots, N)
  return mean(Array.from({ length: group.size }, (_, g) => lossOf(choicesOf(group, g), N + 1)))
}

/** Validation groups with the query or the image of a group that is trained on. */
function sharedWith(groups: readonly Group[], validation: readonly Group[]): number {
  const queries = new Set(groups.map(({ queryId }) => queryId))
  const images = new Set(groups.map(({ imageId }) => imageId).filter((id) => id !== null))
  return validation.filter(
    ({ queryId, imageId }) => queries.has(queryId) || (imageId !== null && images.has(imageId)),
  ).length
}
