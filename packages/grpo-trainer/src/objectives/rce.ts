import { div, mul, sum } from '@lever/onnx-grad'
import { normalizeGroup, rceWeights, temperatureAt, uniformPolicyLoss } from '@lever/reward-utils'
import { largest } from '../numbers.ts'
import { meanEntropy, overQueries, stepCrossEntropy } from './formulas.ts'
import type { SmoothOver } from './formulas.ts'
import type { Objective, RewardedGroup } from './types.ts'

export type RewardKind = 'normalized' | 'raw' | 'scaled' | 'rank'

/** The kinds by name. */
export const REWARD_KINDS: readonly RewardKind[] = ['normalized', 'raw', 'scaled', 'rank']

export interface RceOptions {
  /**
   * Rewards that the weights are made of: normalised in the group; raw; raw over their spread in the training data, so that
   * a temperature means the same for accuracy, expected accuracy and its logarithm; or ranks in [-1, 1].
   */
  readonly reward: RewardKind
  /** Temperature of the weights at the first step, and at the last; linear between. */
  readonly temperatureStart: number
  readonly temperatureEnd: number
  /** Only one pointer of each group: the best by reward (ties share), the first of the file as the original, or off. */
  readonly top1: 'off' | 'best' | 'first'
  readonly labelSmoothing: number
  readonly smoothOver: SmoothOver
}

/** Rewards of a group of one kind. */
export function rewardsOf(group: RewardedGroup, kind: RewardKind, spread = 1): Float64Array {
  if (kind === 'raw') return group.rawRewards
  if (kind === 'scaled') return group.rawRewards.map((reward) => reward / spread)
  if (kind === 'normalized') return group.rewards
  return normalizeGroup(group.rawRewards, { method: 'rank_normalize' }).values
}

/** Weight 1 on the best pointers by raw reward, ties share it. */
export function bestWeights({ rawRewards }: RewardedGroup): Float64Array {
  const best = largest(rawRewards)
  const ties = rawRewards.filter((reward) => reward === best).length
  return rawRewards.map((reward) => (reward === best ? 1 / ties : 0))
}

/** Weight 1 on the first pointer. */
export function firstWeights({ size }: RewardedGroup): Float64Array {
  return Float64Array.from({ length: size }, (_, g) => (g === 0 ? 1 : 0))
}

/**
 * Reward-conditioned cross-entropy: mean_b sum_g w_g sum_t CE(logits_gt, label_gt) with
 * w = softmax(r / temperature) over the measured pointers of a query. It imitates the pointers that
 * were proposed, the better ones more. With one pointer only (top1) the mean over steps, as the original.
 */
export const rce: Objective<RceOptions> = {
  name: 'rce',
  summary: 'imitates the measured pointers, weighted by softmax(reward / temperature)',
  order: 2,
  defaults: {
    reward: 'normalized',
    temperatureStart: 2,
    temperatureEnd: 0.5,
    top1: 'off',
    labelSmoothing: 0,
    smoothOver: 'allowed',
  },
  choices: {
    reward: REWARD_KINDS,
    top1: ['off', 'best', 'first'],
    smoothOver: ['allowed', 'all'],
  },
  limits: {
    temperatureStart: { above: 0 },
    temperatureEnd: { above: 0 },
    labelSmoothing: { min: 0, below: 1 },
  },
  dropFlat: false,
  weigh(groups, { step, steps, spread }, options) {
    const { temperatureStart: start, temperatureEnd: end } = options
    const temperature = temperatureAt(step, steps, { start, end })
    return groups.map((group) => {
      if (options.top1 === 'best') return { weights: bestWeights(group) }
      if (options.top1 === 'first') return { weights: firstWeights(group) }
      return { weights: rceWeights(rewardsOf(group, options.reward, spread), temperature) }
    })
  },
  scalars: ({ step, steps }, { temperatureStart: start, temperatureEnd: end }) => ({
    temperature: temperatureAt(step, steps, { start, end }),
  }),
  uniformLoss: ({ poolSize, shots }, { top1 }) =>
    uniformPolicyLoss(poolSize, shots) / (top1 === 'off' ? 1 : shots),
  loss(inputs, { top1, labelSmoothing, smoothOver }) {
    const losses = stepCrossEntropy(inputs.policy, inputs.steps, labelSmoothing, smoothOver)
    const total = sum(losses, { axes: [-1] })
    const perPointer = top1 === 'off' ? total : div(total, sum(inputs.steps, { axes: [-1] }))
    const loss = overQueries(sum(mul(inputs.weights, perPointer), { axes: [1] }), inputs)
    return { loss, metrics: { entropy: meanEntropy(inputs.policy, inputs) } }
  },
}
