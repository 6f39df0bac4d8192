import { exp, mul, neg, square, sub, sum } from '@lever/onnx-grad'
import type { Tensor } from '@lever/onnx-grad'
import { joinSteps, overPointers } from './formulas.ts'
import type { RatioLevel } from './grpo-policy.ts'
import type { LossInputs, Scored } from './types.ts'

/**
 * Estimators of the divergence from the log-probabilities of the measured pointers (`k1`, `k2`,
 * `k3`; Schulman 2020), or its exact value over all candidates at every step (`exact`).
 */
export type KlKind = 'k1' | 'k2' | 'k3' | 'exact'

/** `policy` is KL(policy || reference), `reference` is KL(reference || policy), which the original estimates. */
export type KlDirection = 'policy' | 'reference'

/**
 * KL between the policy and a reference, the sum over the steps of a pointer, mean over pointers
 * and queries. An estimate at level `token` is made for every step, else for the whole pointer.
 */
export function klPenalty(
  inputs: LossInputs,
  reference: Scored,
  { kl, klDirection, level }: { kl: KlKind; klDirection: KlDirection; level: RatioLevel },
): Tensor {
  const [p, q] = klDirection === 'policy' ? [inputs.policy, reference] : [reference, inputs.policy]
  if (kl === 'exact') return overPointers(exactKl(p, q, inputs.steps), inputs)
  const perPointer = level !== 'token'
  const total = (x: Tensor): Tensor => (perPointer ? sum(x, { axes: [-1], keepDims: true }) : x)
  const difference = sub(total(q.logProbs), total(p.logProbs))
  const estimate = estimators[kl](difference)
  return overPointers(sum(perPointer ? estimate : mul(estimate, inputs.steps), { axes: [-1] }), inputs)
}

/** Estimates of KL(p || q) from d = log q - log p of samples of p. */
const estimators: Readonly<Record<Exclude<KlKind, 'exact'>, (d: Tensor) => Tensor>> = {
  k1: neg,
  k2: (d) => mul(square(d), 0.5),
  k3: (d) => sub(sub(exp(d), 1), d),
}

/** sum_t sum_n p (log p - log q) along the steps of every pointer [B, G]. */
function exactKl(p: Scored, q: Scored, steps: Tensor): Tensor {
  const perStep = p.logSoftmax.map((logP, t) =>
    sum(mul(exp(logP), sub(logP, q.logSoftmax[t]!)), { axes: [-1], keepDims: true }),
  )
  return sum(mul(joinSteps(perStep, p.logProbs), steps), { axes: [-1] })
}
