import { add, broadcastTo, cast, concat, div, equal, exp, mul, neg, sub, sum } from '@lever/onnx-grad'
import type { Tensor } from '@lever/onnx-grad'
import type { LossInputs, Scored } from './types.ts'

const lastAxis = { axes: [-1], keepDims: true }

/** Log-probability of every pointer, the sum over its steps [B, G]. */
export function sequenceLogProbs({ logProbs }: Scored): Tensor {
  return sum(logProbs, { axes: [-1] })
}

/** sum_b weight_b x_b of x [B]. */
export function overQueries(x: Tensor, { queryWeight }: Pick<LossInputs, 'queryWeight'>): Tensor {
  return sum(mul(x, queryWeight))
}

/** Mean over the pointers that take part, then over queries, of x [B, G]. */
export function overPointers(x: Tensor, inputs: Pick<LossInputs, 'keep' | 'queryWeight'>): Tensor {
  const count = atLeastOne(sum(inputs.keep, { axes: [1] }))
  return overQueries(div(sum(mul(x, inputs.keep), { axes: [1] }), count), inputs)
}

/** Counts, with 1 for 0, to divide by. */
export function atLeastOne(count: Tensor): Tensor {
  return add(count, cast(equal(count, 0), count.dtype))
}

/** Steps x [B, P, 1] of P = G or 1 as [B, G, K]. */
export function joinSteps(steps: readonly Tensor[], like: Tensor): Tensor {
  const [batch, group] = like.shape as readonly number[]
  return concat(
    steps.map((step) => broadcastTo(step, [batch!, group!, 1])),
    -1,
  )
}

/** Which candidates label smoothing spreads over: those that can be chosen, or all N, as the original does. */
export type SmoothOver = 'allowed' | 'all'

/**
 * Cross-entropy of every step [B, G, K], 0 where there is no such step: -sum_n t_n log p_n with
 * t = (1 - e) onehot + e / |S| on S, for label smoothing e over the set S.
 */
export function stepCrossEntropy(scored: Scored, steps: Tensor, smoothing: number, over: SmoothOver): Tensor {
  if (smoothing === 0) return neg(scored.logProbs)
  const means = scored.logSoftmax.map((logProbs, t) => {
    if (over === 'all') return div(sum(logProbs, lastAxis), logProbs.shape.at(-1) as number)
    const free = sub(1, scored.blocked[t]!)
    return div(sum(mul(logProbs, free), lastAxis), sum(free, lastAxis))
  })
  const uniform = mul(joinSteps(means, scored.logProbs), steps)
  return neg(add(mul(scored.logProbs, 1 - smoothing), mul(uniform, smoothing)))
}

/** Mean entropy of the policy over the steps of the pointers. */
export function meanEntropy({ logSoftmax, logProbs }: Scored, inputs: LossInputs): Tensor {
  const entropies = logSoftmax.map((each) => neg(sum(mul(exp(each), each), lastAxis)))
  const total = sum(mul(joinSteps(entropies, logProbs), inputs.steps), { axes: [-1] })
  return overPointers(div(total, sum(inputs.steps, { axes: [-1] })), inputs)
}
