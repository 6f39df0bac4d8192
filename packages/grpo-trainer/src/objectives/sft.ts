import { div, mul, sum } from '@lever/onnx-grad'
import { rceWeights, uniformPolicyLoss } from '@lever/reward-utils'
import { meanEntropy, overQueries, stepCrossEntropy } from './formulas.ts'
import type { SmoothOver } from './formulas.ts'
import { bestWeights, firstWeights, rewardsOf } from './rce.ts'
import type { RewardKind } from './rce.ts'
import type { Objective } from './types.ts'

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
  defaults: {
    target: 'best',
    temperature: 1,
    reward: 'raw',
    labelSmoothing: 0,
    smoothOver: 'allowed',
  },
  choices: {
    target: ['best', 'first', 'all'],
    reward: ['normalized', 'raw', 'rank'],
    smoothOver: ['allowed', 'all'],
  },
  dropFlat: false,
  weigh: (groups, _moment, { target, temperature, reward }) =>
    groups.map((group) => {
      if (target === 'best') return { weights: bestWeights(group) }
      if (target === 'first') return { weights: firstWeights(group) }
      return { weights: rceWeights(rewardsOf(group, reward), temperature) }
    }),
  scalars: () => ({}),
  uniformLoss: ({ poolSize, shots }) => uniformPolicyLoss(poolSize, shots) / shots,
  loss(inputs, { labelSmoothing, smoothOver }) {
    const losses = stepCrossEntropy(inputs.policy, inputs.steps, labelSmoothing, smoothOver)
    const perPointer = div(sum(losses, { axes: [-1] }), sum(inputs.steps, { axes: [-1] }))
    const loss = overQueries(sum(mul(inputs.weights, perPointer), { axes: [1] }), inputs)
    return { loss, metrics: { entropy: meanEntropy(inputs.policy, inputs) } }
  },
}
