import { add, mul, sub } from '@lever/onnx-grad'
import type { Tensor } from '@lever/onnx-grad'
import { ADVANTAGE_SCALINGS, computeAdvantages, initAdaptiveKl } from '@lever/reward-utils'
import type { AdvantageScaling } from '@lever/reward-utils'
import { meanEntropy } from './formulas.ts'
import { correctBehaviour } from './grpo-behaviour.ts'
import type { BehaviourCorrection } from './grpo-behaviour.ts'
import { klPenalty } from './grpo-kl.ts'
import type { KlDirection, KlKind } from './grpo-kl.ts'
import { policyLoss } from './grpo-policy.ts'
import type { LossForm, RatioLevel } from './grpo-policy.ts'
import type { Objective, RewardedGroup, Snapshot, Weighed } from './types.ts'

export interface GrpoOptions {
  /** By what a reward minus its baseline is divided. */
  readonly scaling: AdvantageScaling
  /** Smallest standard deviation to divide by. */
  readonly minStd: number
  /** Advantages are limited to it; null leaves them. */
  readonly advantageClip: number | null
  /** Advantages of already normalised rewards, as the original: a double normalisation. */
  readonly doubleNormalize: boolean
  /** The ratio is clipped to 1 - clipLow .. 1 + clipHigh. */
  readonly clipLow: number
  readonly clipHigh: number
  /** Upper bound of the ratio also where clipping does not act (two-sided clipping); null for none. */
  readonly delta: number | null
  readonly level: RatioLevel
  readonly form: LossForm
  /** The policy of the ratio's denominator; `current` is the policy itself, so the ratio is 1. */
  readonly oldPolicy: Snapshot | 'current'
  /** With `oldPolicy: 'epoch'`: so many passes over the data are made against one old policy. */
  readonly numIterations: number
  /** Whether pointers count by how probable the old policy finds them, relative to the policy that proposed them. */
  readonly behaviour: BehaviourCorrection
  /** Largest weight of a pointer, where 1 is the mean of its group. */
  readonly behaviourCap: number
  readonly reference: Exclude<Snapshot, 'epoch'>
  readonly kl: KlKind
  readonly klDirection: KlDirection
  /** Coefficient of the KL term; 0 leaves the reference out. */
  readonly beta: number
  readonly adaptiveKl: 'never' | 'epoch' | 'step'
  readonly klTargetLow: number
  readonly klTargetHigh: number
  readonly klFactor: number
  /** Coefficient of the entropy bonus. */
  readonly entropy: number
  /** Only the best pointers of a group: how many in the first epoch, and later; null for all. */
  readonly topKFirst: number | null
  readonly topK: number | null
}

/**
 * Group relative policy optimisation on measured pointers (Shao et al. 2024): clipped policy
 * gradient on group-relative advantages, and a KL penalty that keeps the policy near the one before.
 * All log-probabilities come without dropout.
 */
export const grpo: Objective<GrpoOptions> = {
  name: 'grpo',
  summary: 'clipped policy gradient on group-relative advantages, with a KL penalty',
  order: 4,
  defaults: {
    scaling: 'group',
    minStd: 0.1,
    advantageClip: 5,
    doubleNormalize: false,
    clipLow: 0.2,
    clipHigh: 0.2,
    delta: null,
    level: 'sequence',
    form: 'grpo',
    oldPolicy: 'epoch',
    numIterations: 1,
    behaviour: 'none',
    behaviourCap: 2,
    reference: 'phase',
    kl: 'exact',
    klDirection: 'policy',
    beta: 0.1,
    adaptiveKl: 'epoch',
    klTargetLow: 0.01,
    klTargetHigh: 0.1,
    klFactor: 1.5,
    entropy: 0,
    topKFirst: null,
    topK: null,
  },
  choices: {
    scaling: ADVANTAGE_SCALINGS,
    level: ['token', 'sequence', 'gspo'],
    form: ['grpo', 'dr_grpo', 'dapo', 'cispo'],
    oldPolicy: ['current', 'epoch', 'phase', 'initial'],
    behaviour: ['none', 'truncate', 'mask'],
    reference: ['phase', 'initial'],
    kl: ['k1', 'k2', 'k3', 'exact'],
    klDirection: ['policy', 'reference'],
    adaptiveKl: ['never', 'epoch', 'step'],
  },
  limits: {
    minStd: { min: 0 },
    advantageClip: { above: 0 },
    clipLow: { min: 0 },
    clipHigh: { min: 0 },
    delta: { above: 0 },
    numIterations: { min: 1, whole: true },
    behaviourCap: { above: 0 },
    beta: { min: 0 },
    klTargetLow: { min: 0 },
    klTargetHigh: { above: 0 },
    klFactor: { above: 1 },
    topKFirst: { min: 1, whole: true },
    topK: { min: 1, whole: true },
  },
  dropFlat: true,
  weigh(groups, { epoch }, options) {
    const limit = epoch === 0 ? options.topKFirst : options.topK
    const { scaling, minStd, advantageClip: clip, doubleNormalize } = options
    const rewards = groups.map((group) => (doubleNormalize ? group.rewards : group.rawRewards))
    const keep = rewards.map((each) => bestOf(each, limit))
    const taken = rewards.map((each, i) => each.filter((_, g) => keep[i]![g]!))
    const { values } = computeAdvantages(taken, { scaling, minStd, clip })
    return groups.map((group, i) => spread(group, values[i]!, keep[i]!))
  },
  scalars: ({ beta }, options) => (options.beta === 0 ? {} : { beta }),
  usesProposer: ({ behaviour }) => behaviour !== 'none',
  snapshots: ({ oldPolicy, reference, beta, numIterations }) => ({
    epochs: numIterations,
    ...(oldPolicy === 'current' ? {} : { old: oldPolicy }),
    ...(beta === 0 ? {} : { reference }),
  }),
  kl({ beta, adaptiveKl, klTargetLow: low, klTargetHigh: high, klFactor: factor }) {
    if (beta === 0) return undefined
    const bounds =
      adaptiveKl === 'never'
        ? { min: beta, max: beta }
        : { min: Math.min(SMALLEST, beta), max: Math.max(LARGEST, beta) }
    return { state: initAdaptiveKl({ beta, low, high, factor, ...bounds }), adapts: adaptiveKl }
  },
  uniformLoss: () => 0,
  loss(inputs, options) {
    const corrected = correctBehaviour(inputs, options)
    const policy = policyLoss(corrected.inputs, options)
    const entropy = meanEntropy(inputs.policy, inputs)
    let loss: Tensor = policy.loss
    const metrics: Record<string, Tensor> = {
      policy_loss: policy.loss,
      entropy,
      ...policy.metrics,
      ...corrected.metrics,
    }
    if (inputs.reference !== undefined) {
      const kl = klPenalty(inputs, inputs.reference, options)
      metrics['kl'] = kl
      loss = add(loss, mul(kl, inputs.scalar('beta')))
    }
    if (options.entropy !== 0) loss = sub(loss, mul(entropy, options.entropy))
    return { loss, metrics }
  },
}

/** Bounds of a KL coefficient that adapts, those of the original; one that starts outside may come back. */
const [SMALLEST, LARGEST] = [0.001, 10]

/** Which rewards are among the `limit` best; of equal ones the first. */
function bestOf(rewards: Float64Array, limit: number | null): boolean[] {
  if (limit === null || limit >= rewards.length) return Array.from(rewards, () => true)
  const order = Array.from(rewards, (_, g) => g).sort((a, b) => rewards[b]! - rewards[a]! || a - b)
  const best = new Set(order.slice(0, limit))
  return Array.from(rewards, (_, g) => best.has(g))
}

function spread({ size }: RewardedGroup, values: Float64Array, keep: readonly boolean[]): Weighed {
  const weights = new Float64Array(size)
  let next = 0
  keep.forEach((taken, g) => {
    if (taken) weights[g] = values[next++]!
  })
  return { weights, keep }
}
