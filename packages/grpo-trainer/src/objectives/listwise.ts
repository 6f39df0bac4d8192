import { equal, logSoftmax, mul, neg, sum, where } from '@lever/onnx-grad'
import { rceWeights, temperatureAt } from '@lever/reward-utils'
import { meanEntropy, overQueries, sequenceLogProbs } from './formulas.ts'
import { REWARD_KINDS, rewardsOf } from './rce.ts'
import type { RewardKind } from './rce.ts'
import type { Objective } from './types.ts'

export interface ListwiseOptions {
  readonly reward: RewardKind
  /** Temperature of the target at the first step, and at the last; linear between. */
  readonly temperatureStart: number
  readonly temperatureEnd: number
}

/**
 * Listwise cross-entropy (ListNet; Cao et al. 2007) between softmax(r / temperature) and the softmax
 * of the group's sequence log-probabilities: the policy is compared only on the pointers that were
 * measured, so how they were proposed does not matter.
 */
export const listwise: Objective<ListwiseOptions> = {
  name: 'listwise',
  summary: 'ranks the measured pointers of a query among each other',
  order: 3,
  defaults: { reward: 'raw', temperatureStart: 0.2, temperatureEnd: 0.2 },
  choices: { reward: REWARD_KINDS },
  limits: { temperatureStart: { above: 0 }, temperatureEnd: { above: 0 } },
  dropFlat: true,
  weigh(groups, { step, steps, spread }, { reward, temperatureStart: start, temperatureEnd: end }) {
    const temperature = temperatureAt(step, steps, { start, end })
    return groups.map((group) => ({ weights: rceWeights(rewardsOf(group, reward, spread), temperature) }))
  },
  scalars: ({ step, steps }, { temperatureStart: start, temperatureEnd: end }) => ({
    temperature: temperatureAt(step, steps, { start, end }),
  }),
  uniformLoss: ({ size }) => Math.log(size),
  loss(inputs) {
    const scores = where(equal(inputs.keep, 1), sequenceLogProbs(inputs.policy), -1e9)
    const loss = overQueries(neg(sum(mul(inputs.weights, logSoftmax(scores)), { axes: [1] })), inputs)
    return { loss, metrics: { entropy: meanEntropy(inputs.policy, inputs) } }
  },
}
