import { cast, div, greaterOrEqual, max, mul, neg, slice, sub, sum } from '@lever/onnx-grad'
import type { Tensor } from '@lever/onnx-grad'
import { rceWeights, uniformPolicyLoss } from '@lever/reward-utils'
import { joinSteps, meanEntropy, overQueries, stepCrossEntropy } from './formulas.ts'
import type { SmoothOver } from './formulas.ts'
import { bestWeights, firstWeights, REWARD_KINDS, rewardsOf } from './rce.ts'
import type { RewardKind } from './rce.ts'
import type { LossInputs, Objective } from './types.ts'

export interface SftOptions {
  /** The best pointer of a group by reward (ties share), its first, or all weighted by softmax(reward / temperature). */
  readonly target: 'best' | 'first' | 'all'
  /** With target `all`. */
  readonly temperature: number
  readonly reward: RewardKind
  readonly labelSmoothing: number
  readonly smoothOver: SmoothOver
}

/**
 * Supervised fine-tuning: the mean over queries and steps of the cross-entropy of the target
 * pointers, such as the beams of InfoScore or the best measured ones.
 */
export const sft: Objective<SftOptions> = {
  name: 'sft',
  summary: 'imitates one target pointer per query, or all of them weighted',
  order: 1,
  defaults: {
    target: 'best',
    temperature: 1,
    reward: 'raw',
    labelSmoothing: 0,
    smoothOver: 'allowed',
  },
  choices: {
    target: ['best', 'first', 'all'],
    reward: REWARD_KINDS,
    smoothOver: ['allowed', 'all'],
  },
  limits: { temperature: { above: 0 }, labelSmoothing: { min: 0, below: 1 } },
  dropFlat: false,
  weigh: (groups, { spread }, { target, temperature, reward }) =>
    groups.map((group) => {
      if (target === 'best') return { weights: bestWeights(group) }
      if (target === 'first') return { weights: firstWeights(group) }
      return { weights: rceWeights(rewardsOf(group, reward, spread), temperature) }
    }),
  scalars: () => ({}),
  uniformLoss: ({ poolSize, shots }) => uniformPolicyLoss(poolSize, shots) / shots,
  loss(inputs, { labelSmoothing, smoothOver }) {
    const losses = stepCrossEntropy(inputs.policy, inputs.steps, labelSmoothing, smoothOver)
    const perPointer = div(sum(losses, { axes: [-1] }), sum(inputs.steps, { axes: [-1] }))
    const loss = overQueries(sum(mul(inputs.weights, perPointer), { axes: [1] }), inputs)
    return { loss, metrics: { entropy: meanEntropy(inputs.policy, inputs), ...accuracies(inputs) } }
  },
}

/**
 * Accuracy of the most probable first choice, and of the whole sequence: the mean over queries of the weight
 * of the targets that it hits. Every step of the greedy pointer is that of the target exactly when every step is
 * under teacher forcing.
 */
function accuracies(inputs: LossInputs): { first_accuracy: Tensor; sequence_accuracy: Tensor } {
  const { policy, weights, steps } = inputs
  const lastAxis = { axes: [-1], keepDims: true }
  const hits = policy.logSoftmax.map((each, t) => {
    const best = cast(greaterOrEqual(each, max(each, lastAxis)), each.dtype)
    return sum(mul(best, policy.chosen[t]!), lastAxis)
  })
  const right = sub(1, mul(steps, sub(1, joinSteps(hits, policy.logProbs))))
  const over = (hit: Tensor): Tensor => overQueries(sum(mul(weights, hit), { axes: [1] }), inputs)
  return {
    first_accuracy: over(sum(slice(right, -1, 0, 1), { axes: [-1] })),
    sequence_accuracy: over(neg(max(neg(right), { axes: [-1] }))),
  }
}
